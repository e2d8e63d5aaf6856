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

}  // namespace coppice
