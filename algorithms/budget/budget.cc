#include "algorithms/budget/budget.h"

#include <array>

#include "core/error.h"

namespace coppice {
namespace {

template <class Target>
auto unit_fractions(Target& target) {
  return std::array{&target.flops, &target.params, &target.bytes, &target.latency};  // in the order of BudgetMeasure
}

}  // namespace

void BudgetTarget::visit(FieldVisitor& v) {
  v.field("flops", flops, "kept fraction of the dense model's multiply-adds; 0 = not set", within(0.0, 1.0));
  v.field("params", params, "kept fraction of the dense model's parameters; 0 = not set", within(0.0, 1.0));
  v.field("bytes", bytes, "kept fraction of the dense model's file; 0 = not set", within(0.0, 1.0));
  v.field("latency", latency, "kept fraction of the dense model's measured time; 0 = not set", within(0.0, 1.0));
  v.field("density", density, "kept fraction of the weights under the pattern; 0 = not set", within(0.0, 1.0));
}

void ProtectConfig::visit(FieldVisitor& v) {
  v.field("first", first, "layers at the beginning", at_least(0));
  v.field("last", last, "layers at the end", at_least(0));
}

void BudgetConfig::visit(FieldVisitor& v) {
  v.group("budget", budget, "what may be kept; exactly one of its keys");
  v.field("floor", floor, "least kept fraction of a family (weights: of a matrix's uniform share)", within(0.0, 1.0));
  v.field("cap", cap, "largest removed fraction of a family or matrix", within(0.0, 1.0));
  v.field("exponent", exponent, "units: removal goes by score / saving^exponent", within(0.0, 1.0));
  v.field("units", units,
          "kinds of units that may go: channel, neuron, kv_group, query_head, or layer alone; none = what the model declares by itself");
  v.group("protect", protect, "units: layers that lose nothing");
  v.choice("allocation", allocation, {"global", "uniform", "erk", "adaptive"}, "how the budget is shared out");
  v.field("mass", mass, "erk: fraction of the budget that goes by the matrices' summed scores instead", within(0.0, 1.0));
  v.choice("layout", layout, {"uniform", "per_layer"},
           "units: uniform = shapes that other tools load; per_layer = every layer its own, which Coppice alone loads");
  v.field("latency_batch", latency_batch, "budget latency: samples of the forward pass that is measured", at_least(1));
  v.field("latency_table", latency_table, "budget latency: latency.json of an earlier run; empty = measured when the run starts");
}

int unit_targets(const BudgetTarget& target) {
  int set = 0;
  for (const double* fraction : unit_fractions(target)) set += *fraction > 0.0 ? 1 : 0;
  return set;
}

BudgetMeasure measure_of(const BudgetTarget& target) {
  const auto fractions = unit_fractions(target);
  std::size_t set = 0;
  while (set + 1 < fractions.size() && *fractions[set] == 0.0) ++set;
  return static_cast<BudgetMeasure>(set);
}

double& fraction_of(BudgetTarget& target) {
  return unit_targets(target) == 0 ? target.density : *unit_fractions(target)[static_cast<std::size_t>(measure_of(target))];
}

double fraction_of(const BudgetTarget& target) {
  BudgetTarget copy = target;
  return fraction_of(copy);
}

void check_target(const BudgetTarget& target, bool units) {
  const int set = unit_targets(target) + (target.density > 0.0);
  if (set != 1) {
    throw InputError("budget: found " + std::to_string(set) +
                     " targets; expected exactly one of flops, params, bytes, latency and density");
  }
  if (units && target.density > 0.0) throw InputError("budget: found density; channels expect flops, params, bytes or latency");
  if (!units && target.density == 0.0) throw InputError("budget: found a target over units; single weights expect density");
}

std::vector<BudgetConfig> alternatives_of(const BudgetConfig& config) {
  if (config.allocation != Allocation::kAdaptive) return {config};
  std::vector<BudgetConfig> all;
  for (const double mass : {0.0, 0.25, 0.5, 0.75, 1.0}) {
    all.push_back(config);
    all.back().allocation = Allocation::kErk;
    all.back().mass = mass;
  }
  return all;
}

}  // namespace coppice
