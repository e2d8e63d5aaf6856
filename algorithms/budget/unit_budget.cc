#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>

#include "core/config_text.h"
#include "core/error.h"
#include "algorithms/budget/budget.h"
#include "algorithms/budget/descent.h"

namespace coppice {
namespace {

std::string percent(std::int64_t part, std::int64_t whole) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %%", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
  return text;
}

// Down to the budget.
void descend(Descent& descent, const BudgetConfig& config) {
  const std::int64_t full = descent.full_size(), smallest = descent.smallest_size();
  const double fraction = fraction_of(config.budget), budget = fraction * static_cast<double>(full);
  if (static_cast<double>(smallest) > budget) {
    const BudgetMeasure measure = measure_of(config.budget);
    throw InputError(std::string("budget: found ") + key_of(measure) + " " + plain_number(fraction) + "; the smallest reachable is " +
                     percent(smallest, full) + " of the " + noun_of(measure) + " with floor " + plain_number(config.floor) +
                     " and cap " + plain_number(config.cap));
  }
  while (static_cast<double>(descent.size()) > budget) descent.step();
}

}  // namespace

std::vector<std::uint8_t> choose_units(const Model& model, std::span<const double> scores, const BudgetConfig& config) {
  check_target(config.budget, true);
  if (config.allocation == Allocation::kErk || config.allocation == Allocation::kAdaptive) {
    throw InputError("budget: found allocation erk or adaptive; channels expect global or uniform");
  }
  const PrunableStructure structure = model.structure();
  if (scores.size() != structure.groups.size()) {
    throw Error("budget: found " + std::to_string(scores.size()) + " scores; expected " +
                std::to_string(structure.groups.size()));
  }
  if (!std::all_of(scores.begin(), scores.end(), [](double s) { return std::isfinite(s) || s == kGone; })) {
    throw InputError("budget: a score is not finite");
  }
  Descent descent(model, structure, scores, config);
  descend(descent, config);
  return descent.kept();
}

BudgetOutlook budget_outlook(const Model& model, const BudgetConfig& config) {
  const PrunableStructure structure = model.structure();
  const std::vector<double> equal(structure.groups.size(), 1.0);
  Descent descent(model, structure, equal, config);
  BudgetOutlook outlook{.full = descent.size(), .smallest = descent.smallest_size()};
  for (const Bundle& bundle : descent.bundles()) {
    if (descent.width(bundle) == descent.smallest_width(bundle)) continue;
    BudgetOutlook::Unit unit;
    unit.kind = structure.families[bundle[0]].kind;
    unit.together = static_cast<std::int64_t>(bundle.size()) * (descent.width(bundle) - descent.width_below(bundle));
    unit.families = static_cast<std::int64_t>(bundle.size());
    unit.width = descent.width(bundle);
    unit.smallest_width = descent.smallest_width(bundle);
    unit.saving = outlook.full - descent.size_below(bundle);
    const auto same = std::find(outlook.units.begin(), outlook.units.end(), unit);
    if (same == outlook.units.end()) {
      outlook.units.push_back(unit);
    } else {
      ++same->choices;
    }
  }
  const double budget = fraction_of(config.budget) * static_cast<double>(outlook.full);
  outlook.above = descent.size();
  while (descent.size() > outlook.smallest && static_cast<double>(descent.size()) > budget) {
    outlook.above = descent.size();
    descent.step();
  }
  outlook.within = descent.size();
  return outlook;
}

}  // namespace coppice
