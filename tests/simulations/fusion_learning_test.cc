// Learned fusion against PyTorch, on real ranks, and what the cut makes of it.
#include <gtest/gtest.h>

#include "algorithms/methods/fusion_learning.h"
#include "tests/simulations/golden_federation.h"

namespace coppice::test {
namespace {

const nlohmann::json& fusion_goldens() {
  static const nlohmann::json parsed = nlohmann::json::parse(std::ifstream(COPPICE_TRAINING_GOLDENS "/fusion_goldens.json"));
  return parsed;
}

struct Learning : Setting {
  Learning() : Setting(sparse_goldens().at("cases").front()) {
    const nlohmann::json& g = fusion_goldens();
    start.tracks[kMainTrack] = start.tracks[kDenseTrack];
    start.tracks.erase(kDenseTrack);
    learned = {.rounds = g.at("rounds"), .lr = g.at("lr"), .first_temperature = g.at("first_temperature"), .last_temperature = g.at("last_temperature")};
    prune.budget.budget.params = g.at("keep");
    prune.budget.allocation = Allocation::kUniform;
  }

  std::vector<std::unique_ptr<Method>> stages() const {
    const ScoreConfig scores{.fusion = {.granularity = learned, .clients = NoFusion{}}, .batches = 0};
    const Population population = data->population();
    std::vector<std::unique_ptr<Method>> all;
    all.push_back(std::make_unique<Scoring>(scores, ScoreTarget::kUnits, false, federation, LossKind::kCrossEntropy, population));
    all.push_back(std::make_unique<FusionLearning>(prune, scores, federation, LossKind::kCrossEntropy, population));
    all.push_back(std::make_unique<Pruning>(prune, scores, federation, LossKind::kCrossEntropy, population));
    return all;
  }

  State after(std::int64_t steps, int ranks = 1) const {
    State state = start;
    run_stages(stages(), state, data, ranks, steps);
    return state;
  }

  LearnedGranularity learned;
  PruneConfig prune;
};

TEST(FusionLearning, FollowsAutogradRoundByRound) {
  const Learning learning;
  const auto& logits = fusion_goldens().at("logits");
  for (std::size_t round = 0; round < logits.size(); ++round) {
    const State state = learning.after(static_cast<std::int64_t>(round) + 2);
    expect_near(state.numbers.at("score/fusion/logits"), logits[round].get<std::vector<double>>(), 1e-5, "round " + std::to_string(round));
  }
  const State last = learning.after(static_cast<std::int64_t>(logits.size()) + 1);
  expect_near(last.numbers.at("score/fusion/first_moments"), fusion_goldens().at("first_moments").get<std::vector<double>>(), 1e-5, "moments");
}

TEST(FusionLearning, IsWhatTheCutFollows) {
  const Learning learning;
  const State cut = learning.after(1000);
  EXPECT_EQ(cut.texts.at("prune/chosen"), "learned");
  EXPECT_EQ(std::get<MlpConfig>(cut.track(kMainTrack).values->config).hidden, fusion_goldens().at("kept").get<std::vector<std::int64_t>>());
  EXPECT_TRUE(learned_alphas(cut).empty());  // the next cut learns its own
}

TEST(FusionLearning, HasTheSameBitsOnTwoRanksAndAfterEveryStop) {
  const Learning learning;
  const State whole = learning.after(1000);
  EXPECT_EQ(digest_of_result(learning.after(1000, 2)), digest_of_result(whole));
  State stopped = learning.start;
  for (int step = 0; step < 20; ++step) {
    run_stages(learning.stages(), stopped, learning.data, 1, 1);
    stopped = reloaded(stopped);
  }
  EXPECT_EQ(digest_of_result(stopped), digest_of_result(whole));
}

}  // namespace
}  // namespace coppice::test
