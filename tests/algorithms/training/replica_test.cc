#include "algorithms/training/replica.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "algorithms/training/local_training.h"
#include "tests/algorithms/training/goldens.h"

namespace coppice::test {
namespace {

struct Federation {
  std::shared_ptr<const Model> model;
  std::shared_ptr<const ModelState> state;

  explicit Federation(Subject subject)
      : model(std::move(subject.model)), state(std::make_shared<const ModelState>(std::move(subject.state))) {}
};

BatchSource source(const Model& model, std::vector<std::int64_t> sizes, std::uint32_t salt) {
  return [&model, sizes = std::move(sizes), salt, at = std::size_t{0}](Batch& batch) mutable {
    if (at == sizes.size()) return false;
    batch = batch_for(model, sizes[at], salt + static_cast<std::uint32_t>(at));
    ++at;
    return true;
  };
}

LocalResult train(Replica& replica, const Federation& f, std::vector<std::int64_t> sizes, std::uint32_t salt,
                  Precision precision = Precision::kF32,
                  OptimizerConfig config = SgdConfig{.lr = 0.05, .momentum = 0.9}) {
  replica.load(f.state, precision);
  Optimizer optimizer(config, f.model->base_layout());
  Tap tap;
  return train_locally(replica, LossKind::kCrossEntropy, optimizer, source(*f.model, std::move(sizes), salt), tap, {});
}

TEST(Replica, LoadingCopiesNothingAndTrainingLeavesTheReceivedAlone) {
  for (Subject& subject : subjects()) {
    const Federation f(std::move(subject));
    const Digest before = f.state->digest();
    Replica replica(f.model);
    replica.load(f.state, Precision::kF32);
    EXPECT_EQ(replica.base().floats().data(), f.state->base.floats().data());
    const LocalResult result = train(replica, f, {4, 3}, 20);
    EXPECT_EQ(result.steps, 2);
    EXPECT_NE(replica.base().floats().data(), f.state->base.floats().data());
    EXPECT_NE(replica.base().digest(), f.state->base.digest());
    EXPECT_EQ(f.state->digest(), before);
  }
}

TEST(Replica, ClientsDoNotInfluenceEachOther) {
  for (Subject& subject : subjects()) {
    const Federation f(std::move(subject));
    const Mask mask = element_mask(*f.model, 30);
    for (const Precision precision : {Precision::kF32, Precision::kBF16}) {
      Replica alone(f.model), shared(f.model);
      train(alone, f, {4, 4}, 60, precision);
      train(shared, f, {3, 5}, 50, precision == Precision::kF32 ? Precision::kBF16 : Precision::kF32);
      shared.load(f.state, Precision::kF32);
      shared.use_variant(&mask, nullptr);
      Tap tap;
      shared.backward(batch_for(*f.model, 4, 9), LossKind::kCrossEntropy, tap, Mode::kTrain, true);
      train(shared, f, {3, 5}, 50, precision);
      train(shared, f, {4, 4}, 60, precision);
      EXPECT_EQ(shared.base().digest(), alone.base().digest());
      EXPECT_EQ(shared.moments().digest(), alone.moments().digest());
    }
  }
}

void copy_gradients(const Replica& replica, const Arena& into) {
  for (int i = 0; i < into.layout().size(); ++i) {
    const at::Tensor& gradient = replica.gradients()[static_cast<std::size_t>(i)];
    if (gradient.defined()) into.view(i).copy_(gradient);
  }
}

TEST(Replica, GradientsAreThoseOfFreshWeights) {
  for (Subject& subject : subjects()) {
    const std::string name = subject.name;
    const Federation f(std::move(subject));
    const Batch batch = batch_for(*f.model, 5, 70);
    for (const Mode mode : {Mode::kEval, Mode::kTrain}) {
      Replica replica(f.model);
      train(replica, f, {4}, 20);  // what is left of another client's pass
      replica.load(f.state, Precision::kF32);
      Tap tap;
      const PassResult pass = replica.backward(batch, LossKind::kCrossEntropy, tap, mode, false);
      const Arena found = f.state->base.zeros_like();
      copy_gradients(replica, found);

      const ModelState fresh = f.state->clone();
      std::vector<at::Tensor> leaves;
      for (const at::Tensor& view : fresh.base.views()) leaves.push_back(view.clone().set_requires_grad(true));
      const at::Tensor logits = f.model->forward(batch, {leaves, fresh.moments.views()}, tap, mode);
      const at::Tensor loss = loss_sum(LossKind::kCrossEntropy, logits, batch.targets);
      loss.backward();
      const Arena expected = f.state->base.zeros_like();
      for (int i = 0; i < expected.layout().size(); ++i) {
        const at::Tensor& g = leaves[static_cast<std::size_t>(i)].grad();
        if (g.defined()) expected.view(i).copy_(g);
      }
      expect_near(values_of(found), values_of(expected), 1e-6, name);
      EXPECT_GT(expected.squared_norm(), 0.0);
      EXPECT_EQ(pass.loss_sum, loss.item<double>());
      EXPECT_EQ(replica.moments().digest(), fresh.moments.digest());
    }
  }
}

TEST(Replica, AMeanIsTheSumByItsSamples) {
  const Federation f(small_mlp());
  const Batch batch = batch_for(*f.model, 5, 70);
  Replica replica(f.model);
  replica.load(f.state, Precision::kF32);
  Tap tap;
  const Arena sum = f.state->base.zeros_like(), mean = f.state->base.zeros_like();
  replica.backward(batch, LossKind::kCrossEntropy, tap, Mode::kEval, false);
  copy_gradients(replica, sum);
  replica.backward(batch, LossKind::kCrossEntropy, tap, Mode::kEval, true);
  copy_gradients(replica, mean);
  std::vector<double> expected = values_of(sum);
  for (double& value : expected) value /= 5.0;
  expect_near(values_of(mean), expected, 1e-6, "mean");
}

TEST(Replica, StepsInLowPrecisionForwardTheRoundedMaster) {
  const Federation f(small_mlp());
  Replica replica(f.model);
  train(replica, f, {4, 4}, 20, Precision::kBF16);
  const Batch batch = batch_for(*f.model, 4, 21);
  Tap tap;
  std::vector<at::Tensor> rounded;
  for (const at::Tensor& view : replica.base().views()) rounded.push_back(view.to(at::kBFloat16));
  Batch low = batch;
  std::get<Features>(low.inputs).x_BF = std::get<Features>(batch.inputs).x_BF.to(at::kBFloat16);
  const at::Tensor expected = f.model->forward(low, {rounded, replica.moments().views()}, tap, Mode::kEval);
  EXPECT_TRUE(replica.logits(batch, tap, Mode::kEval).equal(expected));
}

TEST(LocalTraining, FlagsWhatIsNotFinite) {
  const Federation f(small_mlp());
  Replica replica(f.model);
  replica.load(f.state, Precision::kF32);
  Optimizer optimizer(SgdConfig{.lr = 0.1}, f.model->base_layout());
  Tap tap;
  int given = 0;
  const auto poisoned = [&](Batch& batch) {
    batch = batch_for(*f.model, 4, 20);
    if (++given == 2) std::get<Features>(batch.inputs).x_BF.fill_(std::numeric_limits<float>::quiet_NaN());
    return given <= 5;
  };
  const LocalResult result = train_locally(replica, LossKind::kCrossEntropy, optimizer, poisoned, tap, {});
  EXPECT_FALSE(result.finite);
  EXPECT_EQ(result.steps, 1);
  EXPECT_EQ(given, 2);

  EXPECT_TRUE(train(replica, f, {4}, 20).finite);
  EXPECT_FALSE(train(replica, f, {4}, 20, Precision::kF32, SgdConfig{.lr = 1e300}).finite) << "the last step of all";
  EXPECT_FALSE(train(replica, f, {4, 4}, 20, Precision::kF32, SgdConfig{.lr = 1e300}).finite);
}

TEST(LocalTraining, SkipsSingleSamplesBeforeBatchNorms) {
  const Federation norms(small_resnet8()), bare(small_mlp());
  Replica with(norms.model), without(bare.model);
  EXPECT_EQ(train(with, norms, {1, 1}, 20).steps, 0);
  EXPECT_EQ(with.base().digest(), norms.state->base.digest());
  EXPECT_EQ(with.moments().digest(), norms.state->moments.digest());
  EXPECT_EQ(train(with, norms, {3, 1, 2}, 20).sums.samples, 5);
  EXPECT_EQ(train(without, bare, {3, 1, 2}, 20).sums.samples, 6);
}

TEST(LocalTraining, StopsAtTheStepsAsked) {
  const Federation f(small_mlp());
  Replica replica(f.model);
  replica.load(f.state, Precision::kF32);
  Optimizer optimizer(SgdConfig{}, f.model->base_layout());
  Tap tap;
  const LocalResult result = train_locally(replica, LossKind::kCrossEntropy, optimizer, source(*f.model, {4, 4, 4}, 2),
                                           tap, {.step = {}, .max_steps = 2});
  EXPECT_EQ(result.steps, 2);
  EXPECT_EQ(result.sums.samples, 8);
}

}  // namespace
}  // namespace coppice::test
