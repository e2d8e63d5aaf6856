// What a round of each training stage costs a client, known before the run: the stages before it as far as sizes go. Scores decide which
// units and weights stay, hardly how many, so cuts are made by the first weights' magnitudes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "algorithms/exchange/client_cost.h"
#include "simulations/scenario.h"

namespace coppice {

// The model that the prune stage will leave; the same where it cuts no units, or by a latency that is yet to be measured.
std::unique_ptr<Model> model_after(const PruneConfig& prune, const Model& model);

// Rounds of training in a stage; 0 for the others.
std::int64_t rounds_of(const StageConfig& stage);

struct ForeseenRound {
  std::string stage;
  std::int64_t rounds = 0;
  std::uint64_t bytes_down = 0;  // to a client that has had the stage's mask and frozen models
  double flops = 0.0;            // on the mean number of samples
  ClientBytes bytes;             // live, the report among them
};

// In the order of the config; adjustments of a mask while it trains are not in it, and twins neither.
std::vector<ForeseenRound> foresee_rounds(const RunConfig& config, const ScenarioData& data, const State& first);

// Samples that the mean client trains on in a round.
double samples_of_a_round(const RunConfig& config, const Population& population);

}  // namespace coppice
