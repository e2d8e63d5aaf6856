// FedMP against NumPy and its laws, on real ranks: parts that a bandit chooses, and what is pruned of them added back.
#include <gtest/gtest.h>

#include "algorithms/methods/fedmp.h"
#include "tests/simulations/part_goldens.h"

namespace coppice::test {
namespace {

struct Bandit : PartSetting {
  std::vector<Device> devices;

  explicit Bandit(const nlohmann::json& golden) : PartSetting(golden.at("rounds")) {
    federation.submodels = FedMpConfig{.most = golden.at("most"), .discount = golden.at("discount"), .interval = golden.at("interval")};
    for (const double speed : golden.at("speeds")) devices.push_back(Device{"test", 1e9, speed, 1e30, 1e30, 1.0, 1.0, 1.0});  // links cost nothing
  }

  std::vector<std::unique_ptr<Method>> stages() const {
    Population population = data->population();
    population.devices = devices;
    std::vector<std::unique_ptr<Method>> all;
    all.push_back(std::make_unique<FederatedTraining>("finetune", stage, federation, LossKind::kCrossEntropy, population));
    return all;
  }

  RunLog advance(State& state, std::int64_t steps = 1000, int ranks = 1) const { return run_stages(stages(), state, data, ranks, steps, devices); }

  State result(int ranks = 1) const {
    State state = start;
    advance(state, 1000, ranks);
    return state;
  }
};

const nlohmann::json& golden(std::size_t i) { return part_goldens().at("fedmp")[i]; }

std::vector<double> pulls_of(const State& state, std::size_t client) { return state.numbers.at("fedmp/" + std::to_string(client)); }

TEST(FedMp, FollowsNumPyOnSlicedModels) {
  for (const auto& one : part_goldens().at("fedmp")) {
    SCOPED_TRACE(one.at("speeds").dump());
    const State state = Bandit(one).result();
    for (std::size_t client = 0; client < 4; ++client) {
      expect_near(pulls_of(state, client), one.at("pulls")[client].get<std::vector<double>>(), 1e-4, "fractions and rewards");
    }
    expect_near(values_of(state.track(kMainTrack).values->base), one.at("weights").get<std::vector<double>>(), 2e-5, "weights");
  }
}

TEST(FedMp, TheBitsDoNotDependOnRanksOrInterruptions) {
  for (const auto& one : part_goldens().at("fedmp")) {
    const Bandit setting(one);
    const State whole = setting.result(), two = setting.result(2);
    State state = setting.start;
    for (std::int64_t r = 0; r <= setting.stage.rounds; ++r) {
      state = reloaded(state);
      setting.advance(state, 1, 1 + static_cast<int>(r % 2));
    }
    EXPECT_EQ(digest_of_result(two), digest_of_result(whole));
    EXPECT_EQ(digest_of_result(state), digest_of_result(whole));
    for (std::size_t client = 0; client < 4; ++client) {
      EXPECT_EQ(pulls_of(two, client), pulls_of(whole, client));
      EXPECT_EQ(pulls_of(state, client), pulls_of(whole, client));
    }
  }
}

TEST(FedMp, WhereNothingIsPrunedItIsFedAvg) {
  Bandit setting(golden(0));
  setting.federation.submodels = FedMpConfig{.most = 0.05};  // less than a unit of any layer
  const State parts = setting.result();
  setting.federation.submodels = WholeModels{};
  EXPECT_EQ(digest_of_result(parts), digest_of_result(setting.result()));
}

TEST(FedMp, WhatIsPrunedOfAllStays) {
  const Bandit setting(golden(0));
  const RoundPlan plan = setting.stages().front()->next_plans(setting.start).front();
  ASSERT_EQ(plan.variants.size(), 4U);
  State state = setting.start;
  setting.advance(state, 1);
  const Arena& before = setting.start.track(kMainTrack).values->base;
  const Arena& after = state.track(kMainTrack).values->base;
  std::int64_t unheld = 0;
  for (const PatternMatrix& matrix : setting.model->structure().matrices) {
    for (std::int64_t i = 0; i < matrix.rows_O * matrix.cols_I; ++i) {
      bool held = false;
      for (const Variant& variant : plan.variants) held = held || variant.mask->keeps_all(matrix.tensor) || variant.mask->bits(matrix.tensor)[i];
      if (held) continue;
      ++unheld;
      EXPECT_EQ(before.floats(matrix.tensor)[static_cast<std::size_t>(i)], after.floats(matrix.tensor)[static_cast<std::size_t>(i)]);
    }
  }
  EXPECT_GT(unheld, 0);
}

TEST(FedMp, TheIntervalIsCutWhereItWasPulledAndNoFinerThanAsked) {
  const FedMpConfig config{.most = 0.8, .discount = 0.9, .interval = 0.3};
  const auto piece = [&](const std::vector<Pull>& pulls) {
    const Piece next = next_piece(config, pulls);
    return std::pair(next.begin, next.end);
  };
  EXPECT_EQ(piece({}), std::pair(0.0, 0.8));
  EXPECT_EQ(piece({{0.5, 1.0}}), std::pair(0.0, 0.5));                 // never pulled
  EXPECT_EQ(piece({{0.5, 1.0}, {0.2, 0.1}}), std::pair(0.0, 0.2));
  EXPECT_EQ(piece({{0.5, 1.0}, {0.2, 0.1}, {0.1, 0.1}}), std::pair(0.5, 0.8));  // [0, 0.2) is too short to be cut; the best is next
  EXPECT_EQ(piece({{0.5, -1.0}, {0.2, 0.1}, {0.1, 1.0}}), std::pair(0.0, 0.2));
}

TEST(FedMp, OldRewardsFade) {
  FedMpConfig config{.most = 0.8, .discount = 1.0, .interval = 0.7};
  std::vector<Pull> pulls = {{0.4, 1.0}, {0.1, 0.0}};
  for (int i = 0; i < 6; ++i) {
    pulls.push_back({0.1, 0.5});
    pulls.push_back({0.4, i < 3 ? 1.0 : 0.0});
  }
  EXPECT_EQ(next_piece(config, pulls).begin, 0.4);
  config.discount = 0.5;
  EXPECT_EQ(next_piece(config, pulls).begin, 0.0);
}

TEST(FedMp, TheUnitsOfLeastNormGo) {
  const Subject subject = small_resnet8();
  const Mask mask = pruned_by_norm(*subject.model, subject.state.base, 0.5);
  const PrunableStructure structure = subject.model->structure();
  const std::vector<std::int64_t> widths = mask.widths(structure);
  for (std::size_t f = 0; f < widths.size(); ++f) EXPECT_EQ(widths[f], (structure.families[f].num_groups + 1) / 2);
  EXPECT_EQ(pruned_by_norm(*subject.model, subject.state.base, 0.0).kept(), mask.total());
  Arena base = subject.state.base.clone();
  for (const Slice& slice : structure.groups[0].slices) {
    if (slice.arena == ArenaId::kBase && slice.scored) base.view(slice.tensor).narrow(slice.dim, slice.begin, slice.end - slice.begin).zero_();
  }
  EXPECT_EQ(pruned_by_norm(*subject.model, base, 0.5).groups()[0], 0);
}

}  // namespace
}  // namespace coppice::test
