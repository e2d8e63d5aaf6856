#include "algorithms/training/optimizer.h"

#include <bit>
#include <cmath>

#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include "tests/algorithms/training/goldens.h"

namespace coppice::test {
namespace {

OptimizerConfig config_of(const nlohmann::json& golden) {
  const nlohmann::json& c = golden.at("config");
  const auto adaptive = [&](auto config) -> OptimizerConfig {
    config.lr = c.at("lr");
    config.beta1 = c.at("beta1");
    config.beta2 = c.at("beta2");
    config.eps = c.at("eps");
    config.weight_decay = c.value("weight_decay", 0.0);
    return config;
  };
  if (golden.at("kind") == "adam") return adaptive(AdamConfig{});
  if (golden.at("kind") == "adamw") return adaptive(AdamWConfig{});
  return SgdConfig{.lr = c.at("lr"),
                   .momentum = c.value("momentum", 0.0),
                   .weight_decay = c.value("weight_decay", 0.0),
                   .nesterov = c.value("nesterov", false)};
}

std::shared_ptr<const ArenaLayout> golden_layout() {
  auto layout = std::make_shared<ArenaLayout>();
  layout->add("w", {3, 5});
  layout->add("v", {4});
  return layout;
}

const std::vector<OptimizerConfig>& all_configs() {
  static const std::vector<OptimizerConfig> configs = [] {
    std::vector<OptimizerConfig> made;
    for (const auto& golden : training_goldens().at("optimizers")) made.push_back(config_of(golden));
    return made;
  }();
  return configs;
}

// More entries than one chunk of a step holds.
struct Field {
  std::shared_ptr<const Model> model = make_model(MlpConfig{.inputs = 90, .hidden = {60}, .outputs = 5});
  Arena weights{"base", model->base_layout()};
  Arena gradient{"gradient", model->base_layout()};
  Mask mask = element_mask(*model, 40);

  Field() {
    fill_from_hash(weights, 1);
    fill_from_hash(gradient, 2);
  }
};

TEST(Optimizer, FollowsTorch) {
  for (const auto& golden : training_goldens().at("optimizers")) {
    Optimizer optimizer(config_of(golden), golden_layout());
    Arena weights("w", golden_layout());
    const Arena gradient("g", golden_layout());
    fill(weights, training_goldens().at("weights").get<std::vector<double>>());
    for (std::size_t step = 0; step < golden.at("steps").size(); ++step) {
      fill(gradient, training_goldens().at("gradients")[step].get<std::vector<double>>());
      optimizer.step(weights, gradient.views(), weights, {.clip_norm = golden.at("clip").get<double>()});
      expect_near(values_of(weights), golden.at("steps")[step].get<std::vector<double>>(), 2e-6,
                  golden.at("kind").get<std::string>() + golden.at("config").dump() + " step " + std::to_string(step));
    }
  }
}

TEST(Optimizer, ResetForgetsEverything) {
  const Field field;
  for (const OptimizerConfig& config : all_configs()) {
    const auto run = [&](Optimizer& optimizer) {
      Arena weights = field.weights.clone();
      for (int i = 0; i < 3; ++i) optimizer.step(weights, field.gradient.views(), weights, {});
      return weights.digest();
    };
    Optimizer optimizer(config, field.model->base_layout());
    const Digest first = run(optimizer);
    run(optimizer);
    optimizer.reset();
    EXPECT_EQ(run(optimizer), first);
  }
}

TEST(Optimizer, DroppedWeightsAndTheirStateStayZero) {
  const Field field;
  const KeptBytes kept(field.mask);
  Arena anchor = field.weights.zeros_like();
  fill_from_hash(anchor, 5);
  for (const OptimizerConfig& config : all_configs()) {
    Optimizer optimizer(config, field.model->base_layout());
    Arena weights = field.weights.clone();
    for (int i = 0; i < 3; ++i) {
      optimizer.step(weights, field.gradient.views(), weights,
                     {.kept = &kept, .anchor = &anchor, .prox_mu = 0.3, .correction = &anchor, .clip_norm = 10.0});
      const Digest before = weights.digest();
      Arena masked = weights.clone();
      field.mask.apply_to(masked);
      ASSERT_EQ(masked.digest(), before);
    }
    // State of a dropped weight would move it once nothing holds it at zero and no gradient comes.
    const std::vector<at::Tensor> nothing(field.weights.views().size());
    optimizer.step(weights, nothing, weights, {});
    Arena masked = weights.clone();
    field.mask.apply_to(masked);
    EXPECT_EQ(masked.digest(), weights.digest());
  }
}

TEST(Optimizer, SaysWhenAWeightIsNoLongerFinite) {
  const Field field;
  for (const OptimizerConfig& config : all_configs()) {
    for (const std::int64_t at : {std::int64_t{0}, field.gradient.view(0).numel() - 1}) {
      for (const float bad : {std::nanf(""), INFINITY}) {
        Optimizer optimizer(config, field.model->base_layout());
        Arena weights = field.weights.clone();
        const Arena gradient = field.gradient.clone();
        EXPECT_TRUE(optimizer.step(weights, gradient.views(), weights, {}));
        gradient.floats(0)[static_cast<std::size_t>(at)] = bad;
        EXPECT_FALSE(optimizer.step(weights, gradient.views(), weights, {}));
      }
    }
  }
}

TEST(Optimizer, KeptWeightsDoNotNoticeTheMask) {
  const Field field;
  const KeptBytes kept(field.mask);
  for (const OptimizerConfig& config : all_configs()) {
    Optimizer free(config, field.model->base_layout()), bound(config, field.model->base_layout());
    Arena a = field.weights.clone();
    Arena b = field.weights.clone();
    for (int i = 0; i < 3; ++i) {
      free.step(a, field.gradient.views(), a, {});
      bound.step(b, field.gradient.views(), b, {.kept = &kept});
    }
    field.mask.apply_to(a);
    EXPECT_EQ(a.digest(), b.digest());
  }
}

TEST(Optimizer, FedProxPullsTowardsTheAnchor) {
  const Field field;
  Arena anchor = field.weights.zeros_like();
  fill_from_hash(anchor, 5);
  Optimizer optimizer(SgdConfig{.lr = 0.1}, field.model->base_layout());
  const Arena after = field.weights.zeros_like();
  optimizer.step(field.weights, field.gradient.views(), after, {.lr_scale = 0.5, .anchor = &anchor, .prox_mu = 0.3});
  const auto w = field.weights.floats(), g = field.gradient.floats(), a = anchor.floats();
  for (std::size_t i = 0; i < w.size(); ++i) {
    ASSERT_NEAR(after.floats()[i], w[i] - 0.05 * (g[i] + 0.3 * (double{w[i]} - a[i])), 1e-7);
  }
}

TEST(Optimizer, ClippingBoundsTheStep) {
  const Field field;
  const double norm = std::sqrt(field.gradient.squared_norm());
  for (const double bound : {0.25 * norm, 4.0 * norm}) {
    Optimizer optimizer(SgdConfig{.lr = 1.0}, field.model->base_layout());
    Arena zero = field.weights.zeros_like();
    optimizer.step(zero, field.gradient.views(), zero, {.clip_norm = bound});
    EXPECT_NEAR(std::sqrt(zero.squared_norm()), std::min(bound, norm), 1e-5 * norm);
  }
}

TEST(Optimizer, LowCopyIsTheRoundedMaster) {
  const Field field;
  const Arena low("low", field.model->base_layout(), DType::kBF16);
  Arena after = field.weights.clone();
  after.floats(0)[0] = std::bit_cast<float>(0x3F808000U);  // a tie, to even below
  after.floats(0)[1] = std::bit_cast<float>(0x3F818000U);  // a tie, to even above
  after.floats(0)[2] = INFINITY;
  after.floats(0)[3] = std::bit_cast<float>(0x7F800001U);  // a NaN whose payload rounding would lose
  after.floats(0)[4] = 3.4e38F;                            // rounds to infinity
  Optimizer optimizer(SgdConfig{.lr = 0.1}, field.model->base_layout());
  const std::vector<at::Tensor> nothing(after.views().size());
  optimizer.step(after, nothing, after, {.forward = &low});
  for (int i = 0; i < low.layout().size(); ++i) {
    const at::Tensor expected = after.view(i).to(at::kBFloat16).to(at::kFloat).contiguous();
    const at::Tensor found = low.view(i).to(at::kFloat).contiguous();
    for (std::int64_t e = 0; e < found.numel(); ++e) {
      const float x = expected.const_data_ptr<float>()[e], y = found.const_data_ptr<float>()[e];
      ASSERT_TRUE(x == y || (std::isnan(x) && std::isnan(y))) << i << " [" << e << "] " << x << " " << y;
    }
  }
}

TEST(Optimizer, TakesGradientsInBfloat16) {
  const Field field;
  std::vector<at::Tensor> low, wide;
  for (const at::Tensor& g : field.gradient.views()) {
    low.push_back(g.to(at::kBFloat16));
    wide.push_back(low.back().to(at::kFloat));
  }
  for (const OptimizerConfig& config : all_configs()) {
    Optimizer first(config, field.model->base_layout()), second(config, field.model->base_layout());
    const Arena a = field.weights.clone(), b = field.weights.clone();
    first.step(field.weights, low, a, {.clip_norm = 2.0});
    second.step(field.weights, wide, b, {.clip_norm = 2.0});
    EXPECT_EQ(a.digest(), b.digest());
  }
}

}  // namespace
}  // namespace coppice::test
