#include "coordinator/exponents.h"

#include <algorithm>

#include "algorithms/exchange/report_blocks.h"
#include "core/error.h"
#include "core/exponent.h"
#include "models/model.h"

namespace coppice {
namespace {

// Tracks share names of blocks, not magnitudes.
std::string key_of(const RoundPlan& plan, const std::string& block) { return plan.track + ":" + block; }

// What clients say of growing weights is compared, not added up over rounds: a coarse start is good enough, and spares the round trip that
// a probe of every new unit would cost.
constexpr std::string_view kGrowth = "growth/";
// Whether anybody trains a part of the model is chance in every round; the sums are of clients' weights, alone or times a loss.
constexpr std::string_view kHeld = "train/held/", kDrop = "train/drop/";
// Nor do the weights of those who sent a value need a probe.
constexpr std::string_view kSent = kSentBlocks;
constexpr int kFirstGrowthExponent = 40;

bool starts_by_itself(const std::string& block) {
  return block.starts_with(kGrowth) || block.starts_with(kHeld) || block.starts_with(kDrop) || block.starts_with(kSent);
}

std::int64_t cohort_of(const RoundPlan& plan) { return static_cast<std::int64_t>(plan.cohort.size()); }

}  // namespace

std::optional<RoundPlan> probe_for(const RoundPlan& plan, const State& state) {
  const std::vector<ReportBlock> blocks = report_blocks(plan, *make_model(plan.values->config));
  const bool all_known = std::all_of(blocks.begin(), blocks.end(), [&](const ReportBlock& block) {
    return starts_by_itself(block.name) || state.exponents.contains(key_of(plan, block.name));
  });
  if (all_known) return std::nullopt;
  RoundPlan probe = plan;
  probe.probe = true;
  probe.individual_reports = false;
  return probe;
}

std::map<std::string, int> exponents_for(const RoundPlan& plan, const State& state) {
  std::map<std::string, int> exponents;
  for (const ReportBlock& block : report_blocks(plan, *make_model(plan.values->config))) {
    const auto known = state.exponents.find(key_of(plan, block.name));
    if (known == state.exponents.end() && !starts_by_itself(block.name)) throw Error("no exponent for block '" + block.name + "'");
    exponents[block.name] = known == state.exponents.end() ? kFirstGrowthExponent : known->second;
  }
  return exponents;
}

void learn_from_probe(const RoundPlan& plan, const Answer& answer, State& state) {
  for (const ReportBlock& block : answer.blocks()) {
    const auto histogram = ExponentHistogram::from_values(answer.sum(block.name));
    state.exponents[key_of(plan, block.name)] = choose_exponent(histogram, cohort_of(plan), kHeadroomBits).value;
  }
}

void learn_from_answer(const RoundPlan& plan, const Answer& answer, State& state) {
  const bool overflow = std::any_of(answer.roster().begin(), answer.roster().end(),
                                    [](const ClientOutcome& o) { return o.declined == Decline::kOverflow; });
  for (const ReportBlock& block : answer.blocks()) {
    int& exponent = state.exponents.try_emplace(key_of(plan, block.name), kFirstGrowthExponent).first->second;
    const double largest = answer.largest(block.name);
    // A block that happened to be all zero says nothing about the next one.
    if (largest > 0.0) exponent = next_exponent(largest, cohort_of(plan), kHeadroomBits).value;
    if (overflow) exponent -= kHeadroomBits;
  }
}

}  // namespace coppice
