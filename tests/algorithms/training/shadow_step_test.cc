// Laws of steps on shadow weights (algorithms/training/optimizer.h).
#include <cmath>

#include <gtest/gtest.h>

#include "algorithms/training/optimizer.h"
#include "algorithms/training/sparse_config.h"
#include "tests/algorithms/training/goldens.h"

namespace coppice::test {
namespace {

struct Field {
  std::shared_ptr<const Model> model = make_model(MlpConfig{.inputs = 90, .hidden = {60}, .outputs = 5});
  Arena weights{"base", model->base_layout()};
  Arena gradient{"gradient", model->base_layout()};
  Mask mask = element_mask(*model, 40);
  KeptBytes kept{mask};

  Field() {
    fill_from_hash(weights, 1);
    fill_from_hash(gradient, 2);
  }

  Arena masked(const Arena& arena) const {
    Arena copy = arena.clone();
    mask.apply_to(copy);
    return copy;
  }
  double dropped_norm(const Arena& arena) const { return std::sqrt(arena.squared_norm() - masked(arena).squared_norm()); }
};

const std::vector<OptimizerConfig> kOptimizers = {SgdConfig{.lr = 0.02}, SgdConfig{.lr = 0.02, .momentum = 0.9},
                                                  SgdConfig{.lr = 0.02, .momentum = 0.9, .nesterov = true},
                                                  AdamConfig{.lr = 1e-4}, AdamWConfig{.lr = 1e-4, .weight_decay = 0.0}};

TEST(ShadowStep, WithoutATaskDroppedWeightsShrinkAndKeptOnesStay) {
  const Field field;
  const std::vector<at::Tensor> nothing(field.weights.views().size());
  for (const OptimizerConfig& config : kOptimizers) {
    for (const bool in_gradient : {false, true}) {
      Optimizer optimizer(config, field.model->base_layout());
      Arena weights = field.weights.clone();
      double last = field.dropped_norm(weights);
      for (int step = 0; step < 20; ++step) {
        optimizer.step(weights, nothing, weights, {.kept = &field.kept, .shadows = ShadowStep{0.01, in_gradient}});
        const double now = field.dropped_norm(weights);
        ASSERT_LT(now, last);
        last = now;
      }
      EXPECT_EQ(field.masked(weights).digest(), field.masked(field.weights).digest());
    }
  }
}

TEST(ShadowStep, WithoutDecayTheStepIsThatOfDenseWeights) {
  const Field field;
  for (const OptimizerConfig& config : kOptimizers) {
    Optimizer dense(config, field.model->base_layout()), shadows(config, field.model->base_layout());
    Arena a = field.weights.clone();
    Arena b = field.weights.clone();
    for (int step = 0; step < 3; ++step) {
      dense.step(a, field.gradient.views(), a, {});
      shadows.step(b, field.gradient.views(), b, {.kept = &field.kept, .shadows = ShadowStep{}});
    }
    EXPECT_EQ(a.digest(), b.digest());
  }
}

TEST(ShadowStep, TheDecayIsNotClipped) {
  const Field field;
  Optimizer optimizer(SgdConfig{.lr = 1.0}, field.model->base_layout());
  const Arena after = field.weights.zeros_like();
  optimizer.step(field.weights, field.gradient.views(), after,
                 {.kept = &field.kept, .clip_norm = 1e-9, .shadows = ShadowStep{0.25, true}});
  const Arena kept = field.masked(field.weights);
  for (std::size_t i = 0; i < after.floats().size(); ++i) {
    const float w = field.weights.floats()[i];
    ASSERT_NEAR(after.floats()[i], kept.floats()[i] == w ? w : 0.75F * w, 1e-6F);
  }
}

TEST(ShadowStep, ForwardWeightsAreTheMaskedOnes) {
  const Field field;
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    const Arena forward("forward", field.model->base_layout(), dtype);
    Arena after = field.weights.clone();
    Optimizer optimizer(AdamWConfig{}, field.model->base_layout());
    optimizer.step(after, field.gradient.views(), after,
                   {.kept = &field.kept, .shadows = ShadowStep{0.01}, .forward = &forward});
    Arena expected("forward", field.model->base_layout(), dtype);
    expected.copy_from(field.masked(after));
    EXPECT_EQ(forward.digest(), expected.digest());
    EXPECT_GT(field.dropped_norm(after), 0.0);
  }
}

TEST(SparseConfig, TheDecayOfAstGrowsToItsMostAndStays) {
  const SparseConfig ast = AstConfig{.lambda = 0.4, .anneal = 0.25};
  EXPECT_EQ(decay_at(ast, 0.0), 0.0);
  EXPECT_DOUBLE_EQ(decay_at(ast, 0.125), 0.2);
  EXPECT_EQ(decay_at(ast, 0.25), 0.4);
  EXPECT_EQ(decay_at(ast, 1.0), 0.4);
  EXPECT_EQ(decay_at(AstConfig{.lambda = 0.4, .anneal = 0.0}, 0.0), 0.4);
  EXPECT_EQ(decay_at(SrSteConfig{.lambda = 0.4}, 0.0), 0.4);
  EXPECT_EQ(decay_at(SteConfig{}, 1.0), 0.0);
}

TEST(SparseConfig, MasksAreMadeAnewEverySoManyRoundsButNotAfterTheLast) {
  const SparseConfig every_third = SteConfig{.refresh = 3};
  std::vector<std::int64_t> due;
  for (std::int64_t round = 0; round < 9; ++round) {
    if (refresh_due(every_third, round, 9)) due.push_back(round);
  }
  EXPECT_EQ(due, (std::vector<std::int64_t>{2, 5}));
  EXPECT_FALSE(refresh_due(FixedMask{}, 2, 9));
}

}  // namespace
}  // namespace coppice::test
