#include "algorithms/budget/budget.h"

#include "core/error.h"

namespace coppice {

void BudgetTarget::visit(FieldVisitor& v) {
  v.field("flops", flops, "kept fraction of the dense model's multiply-adds; 0 = not set", within(0.0, 1.0));
  v.field("params", params, "kept fraction of the dense model's parameters; 0 = not set", within(0.0, 1.0));
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
  v.choice("allocation", allocation, {"global", "uniform", "erk"}, "how the budget is shared out");
  v.choice("layout", layout, {"uniform", "per_layer"},
           "units: uniform = shapes that other tools load; per_layer = every layer its own, which Coppice alone loads");
}

void check_target(const BudgetTarget& target, bool units) {
  const int set = (target.flops > 0.0) + (target.params > 0.0) + (target.density > 0.0);
  if (set != 1) {
    throw InputError("budget: found " + std::to_string(set) +
                     " targets; expected exactly one of flops, params and density");
  }
  if (units && target.density > 0.0) throw InputError("budget: found density; channels expect flops or params");
  if (!units && target.density == 0.0) throw InputError("budget: found flops or params; single weights expect density");
}

}  // namespace coppice
