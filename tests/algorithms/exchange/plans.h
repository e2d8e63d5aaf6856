// Plans that the tests of the exchange share.
#pragma once

#include "algorithms/exchange/plan.h"
#include "tests/algorithms/passes.h"

namespace coppice::test {

// Every kind of task and everything a plan can carry, about `subject`'s weights: a mask, variants (one with a mask and
// moments of its own), references, exponents, store versions.
RoundPlan rich_plan(const Subject& subject, std::uint32_t salt);

}  // namespace coppice::test
