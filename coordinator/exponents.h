// The fixed points of a plan's sums: from the last release of each block, or from one probe where there was none.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "algorithms/exchange/answer.h"
#include "algorithms/exchange/plan.h"
#include "algorithms/methods/state.h"

namespace coppice {

// Values may grow by this many doublings from one release to the next before clients have to decline. What is left of the 62
// bits (less log2 of the cohort) is precision.
constexpr int kHeadroomBits = 20;

// The plan as a probe, if a block of it has no exponent yet; nullopt otherwise. Blocks of growth tasks start without one.
std::optional<RoundPlan> probe_for(const RoundPlan& plan, const State& state);

std::map<std::string, int> exponents_for(const RoundPlan& plan, const State& state);

void learn_from_probe(const RoundPlan& plan, const Answer& answer, State& state);

// From the sums just received; where a client had to decline for want of room, all blocks of the plan get coarser by the
// headroom, so that the next try fits.
void learn_from_answer(const RoundPlan& plan, const Answer& answer, State& state);

}  // namespace coppice
