// Fine-tuning that also learns from the dense model, against PyTorch, and what it costs to send that model.
#include <gtest/gtest.h>

#include "tests/simulations/golden_federation.h"

namespace coppice::test {
namespace {

Setting distilled(const nlohmann::json& golden) {
  Setting setting(golden);
  setting.stage.distill = DistillConfig{.temperature = golden.at("distill").at("temperature"), .weight = golden.at("distill").at("weight")};
  return setting;
}

TEST(DistillationRounds, FollowPyTorch) {
  for (const auto& golden : sparse_goldens().at("distilled")) {
    const State state = distilled(golden).result();
    expect_near(values_of(state.track(kMainTrack).values->base), golden.at("weights").get<std::vector<double>>(), 2e-4,
                golden.at("optimizer").dump() + golden.at("distill").dump());
  }
}

TEST(DistillationRounds, TheBitsDoNotDependOnRanksOrInterruptions) {
  for (const Precision precision : {Precision::kF32, Precision::kBF16}) {
    Setting setting = distilled(sparse_goldens().at("distilled").front());
    setting.federation.precision = precision;
    const Digest whole = digest_of_result(setting.result());
    EXPECT_EQ(digest_of_result(setting.result(2)), whole);
    State state = setting.start;
    run_stages(setting.stages(), state, setting.data, 2, 2);
    State resumed = reloaded(state);
    run_stages(setting.stages(), resumed, setting.data);
    EXPECT_EQ(digest_of_result(resumed), whole);
  }
}

TEST(DistillationRounds, WithoutWeightTheTeacherSaysNothing) {
  Setting setting = distilled(sparse_goldens().at("distilled").front());
  setting.stage.distill->weight = 0.0;
  const State with = setting.result();
  setting.stage.distill.reset();
  expect_near(values_of(with.track(kMainTrack).values->base), values_of(setting.result().track(kMainTrack).values->base), 1e-5, "weights");
}

TEST(DistillationRounds, AClientIsSentItsTeacherOnce) {
  Setting setting = distilled(sparse_goldens().at("distilled").front());
  RunLog with, without;
  setting.result(1, &with);
  setting.stage.distill.reset();
  setting.result(1, &without);
  const double teacher = 4.0 * static_cast<double>(setting.model->base_layout()->numel());
  EXPECT_GT(with.costs[0].bytes_down - without.costs[0].bytes_down, teacher);
  for (std::size_t round = 1; round < 5; ++round) {
    EXPECT_LT(with.costs[round].bytes_down - without.costs[round].bytes_down, 0.7 * teacher) << round;
  }
  EXPECT_EQ(with.costs[1].bytes_up, without.costs[1].bytes_up);
}

}  // namespace
}  // namespace coppice::test
