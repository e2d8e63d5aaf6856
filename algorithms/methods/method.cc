#include "algorithms/methods/method.h"

#include <utility>

namespace coppice {

RoundPlan plan_of(const State& state, std::string stage, std::string track, LossKind loss) {
  RoundPlan plan;
  plan.run_id = state.run_id;
  plan.stage = std::move(stage);
  plan.track = std::move(track);
  plan.round = state.step;
  plan.seed = Seed{state.run_id, static_cast<std::uint32_t>(state.total_rounds), 0};
  plan.loss = loss;
  return plan;
}

void name_stores(const State& state, RoundPlan& plan) {
  for (const std::int64_t client : plan.cohort) {
    const auto found = state.store_versions.find(client);
    if (found != state.store_versions.end()) plan.store_versions[client] = found->second;
  }
}

void commit_stores(const RoundPlan& plan, const Answer& answer, State& state) {
  for (const ClientOutcome& outcome : answer.roster()) {
    if (outcome.declined == Decline::kNone) state.store_versions[outcome.client] = plan.id;
  }
}

}  // namespace coppice
