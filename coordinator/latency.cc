#include "coordinator/latency.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "core/seed.h"

namespace coppice {
namespace {

constexpr std::size_t kLeastPasses = 20;
constexpr double kLeastSeconds = 0.1;
constexpr double kEnoughSeconds = 2.0;  // large models: fewer passes
constexpr std::int64_t kMostTokens = 32;

}  // namespace

Batch random_batch(const Model& model, const std::vector<std::int64_t>& shape, std::int64_t count) {
  Batch batch;
  batch.targets = at::zeros({count}, at::kLong);
  Stream stream(Seed{}, Purpose::kTest);
  if (const auto* decoder = std::get_if<DecoderConfig>(&model.config())) {
    const at::Tensor ids = at::empty({count, std::min(shape[0], kMostTokens)}, at::kLong);
    auto* values = ids.mutable_data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < ids.numel(); ++i) {
      values[i] = static_cast<std::int64_t>(stream.below(static_cast<std::uint64_t>(decoder->vocab)));
    }
    batch.inputs = Tokens{ids};
    return batch;
  }
  std::vector<std::int64_t> full = {count};
  full.insert(full.end(), shape.begin(), shape.end());
  const at::Tensor x = at::empty(full, at::kFloat);
  auto* values = x.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < x.numel(); ++i) values[i] = static_cast<float>(stream.normal());
  if (shape.size() == 3) {
    batch.inputs = Images{x.permute({0, 3, 1, 2})};
  } else {
    batch.inputs = Features{x};
  }
  return batch;
}

double measure_latency_ms(const Model& model, const ModelState& state, const std::vector<std::int64_t>& sample_shape,
                          std::int64_t count) {
  const at::NoGradGuard no_grad;
  const Batch batch = random_batch(model, sample_shape, count);
  Tap tap;
  const auto pass = [&] {
    const auto start = std::chrono::steady_clock::now();
    model.forward(batch, state.weights(), tap, Mode::kEval);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  double total = 0.0;
  for (int warmup = 0; warmup < 3 && total < kEnoughSeconds; ++warmup) total += pass();
  std::vector<double> milliseconds;
  total = 0.0;
  while (milliseconds.empty() || ((milliseconds.size() < kLeastPasses || total < kLeastSeconds) && total < kEnoughSeconds)) {
    const double seconds = pass();
    milliseconds.push_back(1e3 * seconds);
    total += seconds;
  }
  std::nth_element(milliseconds.begin(), milliseconds.begin() + static_cast<std::ptrdiff_t>(milliseconds.size() / 2),
                   milliseconds.end());
  return milliseconds[milliseconds.size() / 2];
}

}  // namespace coppice
