#include "simulations/commands/decoder_bench.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <limits>

#include "algorithms/importance/importance.h"
#include "core/phase_timer.h"
#include "core/seed.h"

namespace coppice {
namespace {

at::Tensor random_ids(const DecoderModel& model, std::int64_t batch, std::int64_t tokens) {
  const std::int64_t vocab = std::get<DecoderConfig>(model.config()).vocab;
  const at::Tensor ids_BT = at::empty({batch, tokens}, at::kLong);
  Stream stream(Seed{}, Purpose::kTest);
  auto* values = ids_BT.mutable_data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < ids_BT.numel(); ++i) values[i] = static_cast<std::int64_t>(stream.below(static_cast<std::uint64_t>(vocab)));
  return ids_BT;
}

// Least seconds of `pass`, after one that warms up.
template <class Pass>
double best_of(int repeats, Pass&& pass) {
  pass();
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < repeats; ++i) {
    const double start = steady_seconds();
    pass();
    best = std::min(best, steady_seconds() - start);
  }
  return best;
}

}  // namespace

DecoderSpeed measure_speed(std::shared_ptr<const DecoderModel> model, std::shared_ptr<const ModelState> state, const Weights& weights,
                           Precision precision, int repeats) {
  using Speed = DecoderSpeed;
  Speed speed;
  Tap tap;
  {
    const at::NoGradGuard no_grad;
    const at::Tensor prompt_BT = random_ids(*model, Speed::kPrefillBatch, Speed::kPrefillTokens);
    const double prefill = best_of(repeats, [&] {
      KvCache cache;
      model->continue_text(prompt_BT, cache, weights, tap);
    });
    speed.prefill_tokens_per_s = static_cast<double>(prompt_BT.numel()) / prefill;
    const at::Tensor short_BT = random_ids(*model, 1, Speed::kPromptTokens), next_BT = random_ids(*model, 1, 1);
    KvCache prompt;
    model->continue_text(short_BT, prompt, weights, tap);
    const double decode = best_of(repeats, [&] {
      KvCache cache = prompt;  // its tensors are shared; what is written behind the prompt is written anew each time
      for (std::int64_t n = 0; n < Speed::kNewTokens; ++n) model->continue_text(next_BT, cache, weights, tap);
    });
    speed.decode_tokens_per_s = static_cast<double>(Speed::kNewTokens) / decode;
  }
  const at::Tensor ids_BT = random_ids(*model, Speed::kStepBatch, Speed::kStepTokens);
  const Batch batch{Tokens{ids_BT}, ids_BT.roll({-1}, {1})};
  Replica replica(model);
  replica.load(state, precision);
  {
    const auto estimator = make_estimator(TaylorConfig{}, *model, ScoreRequest{});
    const auto take = [&](ParamId tensor, const at::Tensor& gradient) {
      estimator->take_gradient(tensor, replica.base().floats(tensor), gradient, batch.size());
    };
    speed.importance_s = best_of(repeats, [&] {
      replica.backward(batch, LossKind::kCrossEntropy, tap, Mode::kEval, false, nullptr, take);
      estimator->observe(replica.base(), batch.size());
    });
  }
  Optimizer optimizer(AdamWConfig{.lr = 1e-5}, model->base_layout());
  speed.step_s = best_of(repeats, [&] {
    replica.backward(batch, LossKind::kCrossEntropy, tap, Mode::kTrain, true);
    replica.step(optimizer, {});
  });
  return speed;
}

}  // namespace coppice
