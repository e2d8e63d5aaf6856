// Scores of single weights before training, against PyTorch: GraSP through a whole score stage, SynFlow at the coordinator.
#include <gtest/gtest.h>

#include <numeric>

#include "algorithms/exchange/report_blocks.h"
#include "algorithms/importance/synflow.h"
#include "algorithms/methods/scoring.h"
#include "core/error.h"
#include "tests/simulations/golden_federation.h"

namespace coppice::test {
namespace {

const nlohmann::json& at_init_goldens() {
  static const nlohmann::json parsed = nlohmann::json::parse(std::ifstream(COPPICE_TRAINING_GOLDENS "/at_init_goldens.json"));
  return parsed;
}

State scored(const Setting& setting, const ScoreConfig& score, int ranks) {
  std::vector<std::unique_ptr<Method>> stages;
  stages.push_back(std::make_unique<Scoring>(score, ScoreTarget::kElements, true, setting.federation, LossKind::kCrossEntropy,
                                             setting.data->population()));
  State state = setting.start;
  state.tracks[kMainTrack] = state.tracks[kDenseTrack];
  run_stages(stages, state, setting.data, ranks);
  return state;
}

TEST(Grasp, IsTheWeightTimesTheHessianTimesTheGradient) {
  const Setting setting(sparse_goldens().at("cases").front());
  const ScoreConfig score{.importance = GraspConfig{}, .fusion = {.clients = NoFusion{}}, .batches = 0};
  const State state = scored(setting, score, 1);
  std::vector<double> sums;
  for (const ArenaEntry& entry : setting.model->base_layout()->entries()) {
    const auto found = state.numbers.find("score/element/" + entry.name);
    if (found != state.numbers.end()) sums.insert(sums.end(), found->second.begin(), found->second.end());
  }
  expect_near(sums, at_init_goldens().at("grasp").get<std::vector<double>>(), 0.02, "theta H g");
  EXPECT_EQ(scored(setting, score, 2).numbers, state.numbers);

  const ScoreRequest request = score_request(estimate_task(score, ScoreTarget::kElements, true));
  const ElementScores scores =
      decode_element_scores(score.importance, *setting.model, state.track(kMainTrack).values->base, request,
                            score_sums(state, score_blocks(score.importance, *setting.model, request)));
  std::vector<double> all;
  for (const auto& [tensor, values] : scores) all.insert(all.end(), values.begin(), values.end());
  EXPECT_EQ(*std::min_element(all.begin(), all.end()), 0.0);
  // The order is that of the signed sums.
  for (std::size_t i = 1; i < all.size(); ++i) EXPECT_NEAR(all[i] - all[0], (sums[i] - sums[0]) / 24.0, 1e-6);
}

TEST(SynFlow, FollowsItsAlgorithm) {
  const Setting setting(sparse_goldens().at("cases").front());
  const Arena& base = setting.start.track(kDenseTrack).values->base;
  std::vector<double> flow, scores;
  for (const auto& [tensor, values] : synaptic_flow(*setting.model, base)) flow.insert(flow.end(), values.begin(), values.end());
  expect_near(flow, at_init_goldens().at("flow").get<std::vector<double>>(), 1e-9, "flow");
  const SynFlowConfig config{.iterations = at_init_goldens().at("iterations"), .least = at_init_goldens().at("least")};
  for (const auto& [tensor, values] : synflow_elements(config, *setting.model, base, true)) {
    scores.insert(scores.end(), values.begin(), values.end());
  }
  expect_near(scores, at_init_goldens().at("synflow").get<std::vector<double>>(), 1e-6, "scores");
}

TEST(SynFlow, WhatFlowsInFlowsOut) {
  for (const Subject& subject : subjects()) {
    if (std::holds_alternative<DecoderConfig>(subject.model->config())) {
      EXPECT_THROW(synaptic_flow(*subject.model, subject.state.base), InputError);
      continue;
    }
    const auto flow = synaptic_flow(*subject.model, subject.state.base);
    const auto total = [&](const PatternMatrix& matrix) {
      const std::vector<double>& values = flow.at(matrix.tensor);
      return std::accumulate(values.begin(), values.end(), 0.0);
    };
    const std::vector<PatternMatrix> matrices = subject.model->structure().matrices;
    EXPECT_GT(total(matrices.front()), 0.0);
    EXPECT_NEAR(total(matrices.front()) / total(matrices.back()), 1.0, 1e-6) << subject.name;
  }
}

}  // namespace
}  // namespace coppice::test
