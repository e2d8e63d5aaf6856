#include "algorithms/aggregation/server_step.h"

#include <gtest/gtest.h>

#include "algorithms/aggregation/pooled_moments.h"
#include "algorithms/exchange/report.h"
#include "algorithms/exchange/report_blocks.h"
#include "algorithms/training/local_training.h"
#include "tests/algorithms/training/goldens.h"

namespace coppice::test {
namespace {

ServerConfig config_of(const nlohmann::json& golden) {
  const nlohmann::json& c = golden.at("config");
  if (golden.at("kind") == "fedavgm") return FedAvgMConfig{.lr = c.at("lr"), .momentum = c.at("momentum")};
  const double lr = c.at("lr"), beta1 = c.at("beta1"), tau = c.at("tau");
  if (golden.at("kind") == "fedadagrad") return FedAdagradConfig{.lr = lr, .beta1 = beta1, .tau = tau};
  const double beta2 = c.at("beta2");
  if (golden.at("kind") == "fedyogi") return FedYogiConfig{.lr = lr, .beta1 = beta1, .beta2 = beta2, .tau = tau};
  return FedAdamConfig{.lr = lr, .beta1 = beta1, .beta2 = beta2, .tau = tau};
}

TEST(ServerStep, FollowsThePapers) {
  auto layout = std::make_shared<ArenaLayout>();
  layout->add("w", {4});
  layout->add("v", {3});
  for (const auto& golden : training_goldens().at("server")) {
    Arena weights("base", layout);
    const Arena delta("delta", layout);
    fill(weights, golden.at("base").get<std::vector<double>>());
    Slots slots;
    for (std::size_t round = 0; round < golden.at("rounds").size(); ++round) {
      fill(delta, golden.at("deltas")[round].get<std::vector<double>>());
      weights = server_step(config_of(golden), weights, delta.clone(), nullptr, slots);
      expect_near(values_of(weights), golden.at("rounds")[round].get<std::vector<double>>(), 2e-6,
                  golden.at("kind").get<std::string>() + " round " + std::to_string(round));
    }
  }
}

TEST(ServerStep, WhatIsDroppedStaysZeroInWeightsAndAtItsStartInSlots) {
  const Subject subject = small_mlp();
  const Mask mask = element_mask(*subject.model, 3);
  const Arena delta = subject.state.base.zeros_like();
  fill_from_hash(delta, 8);
  for (const ServerConfig& config :
       {ServerConfig(FedAvgConfig{}), ServerConfig(FedAvgMConfig{}), ServerConfig(FedAdamConfig{.tau = 0.5}),
        ServerConfig(FedYogiConfig{.tau = 0.5}), ServerConfig(FedAdagradConfig{.tau = 0.5})}) {
    Slots slots;
    Arena weights = subject.state.base.clone();
    for (int round = 0; round < 3; ++round) weights = server_step(config, weights, delta.clone(), &mask, slots);
    Arena masked = weights.clone();
    mask.apply_to(masked);
    EXPECT_EQ(masked.digest(), weights.digest());
    EXPECT_GT(weights.squared_norm(), 0.0);
    for (const auto& [name, slot] : slots) {
      Arena moved = slot->clone();
      if (name == "second") {
        for (float& v : moved.floats()) v -= 0.25F;
      }
      Arena kept = moved.clone();
      mask.apply_to(kept);
      EXPECT_EQ(kept.digest(), moved.digest()) << name;
      EXPECT_GT(kept.squared_norm(), 0.0) << name;
    }
  }
}

TEST(ServerStep, ANarrowerMaskTakesSlotsBackToTheirStart) {
  const Subject subject = small_mlp();
  const Mask mask = element_mask(*subject.model, 3);
  const Mask narrower = mask & element_mask(*subject.model, 5);
  const Arena delta = subject.state.base.zeros_like();
  fill_from_hash(delta, 8);
  const ServerConfig config = FedAdamConfig{.tau = 0.5};
  Slots slots;
  server_step(config, subject.state.base, delta.clone(), &mask, slots);
  Slots narrowed = slots;
  restrict_slots(config, narrower, narrowed);
  for (const auto& [tensor, bits] : narrower.elements()) {
    for (std::int64_t i = 0; i < bits.size(); ++i) {
      const auto at = static_cast<std::size_t>(i);
      EXPECT_EQ(narrowed.at("momentum")->floats(tensor)[at], bits[i] ? slots.at("momentum")->floats(tensor)[at] : 0.0F);
      EXPECT_EQ(narrowed.at("second")->floats(tensor)[at], bits[i] ? slots.at("second")->floats(tensor)[at] : 0.25F);
    }
  }
}

TEST(ServerStep, OneClientAtRateOneIsThatClient) {
  for (Subject& subject : subjects()) {
    const std::shared_ptr<const Model> model = std::move(subject.model);
    const auto state = std::make_shared<const ModelState>(std::move(subject.state));
    RoundPlan plan;
    plan.values = state;
    plan.tasks = {TrainTask{}};
    const std::vector<ReportBlock> blocks = report_blocks(plan, *model);
    for (const ReportBlock& block : blocks) plan.exponents[block.name] = 40;

    Replica replica(model);
    replica.load(state, Precision::kF32);
    Optimizer optimizer(SgdConfig{.lr = 0.1}, model->base_layout());
    Tap tap;
    replica.backward(batch_for(*model, 6, 4), LossKind::kCrossEntropy, tap, Mode::kTrain, true);
    replica.step(optimizer, {});
    Report report(blocks);
    const Release release{.select = Release::Select::kPlanSupport};
    const ReleaseContext context{.release = release, .mask = nullptr, .samples = 6, .seed = {}, .client = 0};
    release_difference(context, "train/delta/", replica.base(), state->base, report);
    ExactSums sums(sum_specs(plan, blocks), 1);
    ASSERT_EQ(accumulate(report, sums), Decline::kNone);

    const Arena mean = state->base.zeros_like();
    for (int i = 0; i < mean.layout().size(); ++i) {
      const std::vector<double> sum = sums.decode(static_cast<std::size_t>(i));
      for (std::size_t e = 0; e < sum.size(); ++e) mean.floats(i)[e] = static_cast<float>(sum[e] / 6.0);
    }
    Slots slots;
    const Arena next = server_step(FedAvgConfig{}, state->base, mean.clone(), nullptr, slots);
    EXPECT_NE(replica.base().digest(), state->base.digest());
    for (std::size_t e = 0; e < next.floats().size(); ++e) {
      const float expected = replica.base().floats()[e];
      ASSERT_NEAR(next.floats()[e], expected, 2e-7 * std::max(1.0F, std::abs(expected))) << subject.name;
    }
  }
}

TEST(PooledMoments, AreThoseOfAllSamplesTogether) {
  const auto& golden = training_goldens().at("pooled");
  std::vector<double> means(3), squares(3);
  double weight = 0.0;
  for (const auto& client : golden.at("clients")) {
    const double n = client.at("count");
    weight += n;
    for (std::size_t c = 0; c < 3; ++c) {
      const double mean = client.at("mean")[c];
      means[c] += n * mean;
      squares[c] += n * (client.at("var")[c].get<double>() + mean * mean);
    }
  }
  std::vector<float> mean(3), var(3);
  pool_moments(means, squares, weight, mean, var);
  expect_near(std::vector<double>(mean.begin(), mean.end()), golden.at("mean"), 1e-6, "mean");
  expect_near(std::vector<double>(var.begin(), var.end()), golden.at("var"), 1e-6, "var");

  // As published: the mean of the clients' own variances, which has nothing of the spread between them.
  std::vector<double> variances(3), expected(3);
  for (const auto& client : golden.at("clients")) {
    const double n = client.at("count");
    for (std::size_t c = 0; c < 3; ++c) variances[c] += n * client.at("var")[c].get<double>();
  }
  for (std::size_t c = 0; c < 3; ++c) expected[c] = variances[c] / weight;
  mean_moments(means, variances, weight, mean, var);
  expect_near(std::vector<double>(var.begin(), var.end()), expected, 1e-6, "mean variance");
  for (std::size_t c = 0; c < 3; ++c) EXPECT_LT(var[c], golden.at("var")[c].get<double>());
}

TEST(PooledMoments, AConstantChannelHasNoNegativeVariance) {
  const double x = 0.1;
  const double sum = 3 * x, squares = 3 * (x * x) * (1 - 1e-15);
  float mean = 0, var = -1;
  pool_moments({&sum, 1}, {&squares, 1}, 3.0, {&mean, 1}, {&var, 1});
  EXPECT_GE(var, 0.0F);
}

}  // namespace
}  // namespace coppice::test
