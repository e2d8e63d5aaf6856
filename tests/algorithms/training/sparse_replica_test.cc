// Kept values alone in memory: the same bits as a masked dense replica, and as little memory as it says.
#include "algorithms/training/sparse_replica.h"

#include <gtest/gtest.h>

#include "algorithms/training/local_training.h"
#include "core/live_bytes.h"
#include "models/counted_tensors.h"
#include "models/support.h"
#include "tests/algorithms/training/goldens.h"

namespace coppice::test {
namespace {

struct Start {
  std::shared_ptr<const Model> model;
  std::shared_ptr<const ModelState> state;
  Mask mask;

  Start(Subject subject, double density)
      : model(std::move(subject.model)), state(masked(std::move(subject.state))), mask(element_mask(*model, 30, density)) {
    mask.apply_to(state->base);
  }
  static std::shared_ptr<const ModelState> masked(ModelState&& values) { return std::make_shared<const ModelState>(std::move(values)); }
};

// Two steps; every tensor's kept values, then the running statistics.
std::vector<std::vector<float>> dense_result(const Start& start, const OptimizerConfig& config, Precision precision, bool recompute,
                                             StepOptions options) {
  Replica replica(start.model);
  replica.load(start.state, precision);
  replica.set_recompute(recompute);
  Optimizer optimizer(config, start.model->base_layout());
  const KeptBytes kept(start.mask);
  options.kept = &kept;
  options.anchor = &start.state->base;
  Tap tap;
  for (std::uint32_t step = 0; step < 2; ++step) {
    replica.backward(batch_for(*start.model, 4, 70 + step), LossKind::kCrossEntropy, tap, Mode::kTrain, true);
    EXPECT_TRUE(replica.step(optimizer, options));
  }
  std::vector<std::vector<float>> values;
  for (int i = 0; i < replica.base().layout().size(); ++i) {
    std::vector<float>& one = values.emplace_back();
    if (start.mask.keeps_all(i)) {
      one.assign(replica.base().floats(i).begin(), replica.base().floats(i).end());
    } else {
      gather_kept(replica.base().floats(i), start.mask.bits(i), one);
    }
  }
  values.emplace_back(replica.moments().floats().begin(), replica.moments().floats().end());
  return values;
}

std::vector<std::vector<float>> sparse_result(const Start& start, const OptimizerConfig& config, Precision precision, bool recompute,
                                              StepOptions options) {
  SparseReplica replica(start.model, *start.state, start.mask, precision, recompute);
  Optimizer optimizer(config, replica.base().shared_layout());
  options.anchor = &replica.received();
  for (std::uint32_t step = 0; step < 2; ++step) {
    replica.backward(batch_for(*start.model, 4, 70 + step), LossKind::kCrossEntropy, nullptr);
    EXPECT_TRUE(replica.step(optimizer, options));
  }
  std::vector<std::vector<float>> values;
  for (int i = 0; i < replica.base().layout().size(); ++i) values.emplace_back(replica.base().floats(i).begin(), replica.base().floats(i).end());
  values.emplace_back(replica.moments().floats().begin(), replica.moments().floats().end());
  return values;
}

TEST(SparseReplica, HasTheBitsOfAMaskedDenseOne) {
  for (const double density : {0.02, 0.3}) {
    for (Subject& subject : subjects()) {
      SCOPED_TRACE(subject.name);
      const Start start(std::move(subject), density);
      for (const Precision precision : {Precision::kF32, Precision::kBF16}) {
        const StepOptions prox{.lr_scale = 0.5, .prox_mu = 0.1};
        const SgdConfig sgd{.lr = 0.05, .momentum = 0.9, .weight_decay = 1e-3};
        EXPECT_EQ(sparse_result(start, sgd, precision, false, {}), dense_result(start, sgd, precision, false, {}));
        EXPECT_EQ(sparse_result(start, sgd, precision, true, prox), dense_result(start, sgd, precision, true, prox));
        EXPECT_EQ(sparse_result(start, AdamWConfig{}, precision, false, {}), dense_result(start, AdamWConfig{}, precision, false, {}));
      }
    }
  }
}

TEST(SparseReplica, TakesMemoryForWhatIsKept) {
  MlpConfig config;
  config.inputs = 64;
  config.hidden = {256, 256, 256, 256, 256};
  config.outputs = 8;
  std::shared_ptr<const Model> model = make_model(config);
  const auto state = std::make_shared<const ModelState>(initial_state(*model, Seed{1, 0, 0}));
  const Mask mask = element_mask(*model, 30, 0.01);
  mask.apply_to(state->base);
  count_tensors();
  const std::int64_t before = live_bytes();
  SparseReplica replica(model, *state, mask, Precision::kF32, false);
  Optimizer optimizer(SgdConfig{.momentum = 0.9}, replica.base().shared_layout());
  Batch batch = batch_for(*model, 2, 70);
  replica.backward(batch, LossKind::kCrossEntropy, nullptr);
  // Values as received and as trained, gradients, momentum: at most a tenth of what dense ones take.
  const std::int64_t dense = 4 * 4 * model->base_layout()->padded_numel();
  EXPECT_LT(live_bytes() - before, dense / 10);
  ASSERT_TRUE(replica.step(optimizer, {}));
  // While it works, one matrix and its gradient besides: less than three of five.
  take_live_peak();
  const std::int64_t at_rest = live_bytes();
  replica.backward(batch, LossKind::kCrossEntropy, nullptr);
  EXPECT_LT(take_live_peak() - at_rest, 3 * 4 * 256 * 256);
}

}  // namespace
}  // namespace coppice::test
