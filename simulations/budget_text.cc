#include "simulations/budget_text.h"

#include "algorithms/budget/size.h"
#include "core/config_text.h"
#include "core/human_text.h"

namespace coppice {
namespace {

std::string percent(std::int64_t part, std::int64_t whole) {
  return fixed_text(100.0 * static_cast<double>(part) / static_cast<double>(whole), 2) + " %";
}

// "3540096 parameters (2.63 %): 1 of 30, 3 stay at least".
std::string unit_text(const BudgetOutlook::Unit& unit, const BudgetOutlook& outlook, const char* measure) {
  const std::int64_t each = unit.together / unit.families;
  std::string text = std::to_string(unit.saving) + " " + measure + " (" + percent(unit.saving, outlook.full) + "): " +
                     std::to_string(each) + " of " + std::to_string(unit.width);
  if (unit.families > 1) text += " in each of " + std::to_string(unit.families) + " families";
  if (unit.choices > 1) text += " in any of " + std::to_string(unit.choices) + " places";
  return text + ", " + std::to_string(unit.smallest_width) + (unit.smallest_width == 1 ? " stays" : " stay") + " at least";
}

}  // namespace

std::vector<std::pair<std::string, std::string>> budget_rows(const Model& model, const BudgetConfig& config) {
  const BudgetMeasure target = measure_of(config.budget);
  const std::string row = std::string("budget ") + key_of(target) + " " + plain_number(fraction_of(config.budget));
  if (target == BudgetMeasure::kLatency && !config.latencies) return {{row, "of what is measured when the run starts"}};
  const BudgetOutlook outlook = budget_outlook(model, config);
  const char* measure = noun_of(target);
  std::vector<std::pair<std::string, std::string>> rows;
  for (const BudgetOutlook::Unit& unit : outlook.units) rows.emplace_back("at once, " + unit.kind, unit_text(unit, outlook, measure));
  std::string budget = percent(outlook.within, outlook.full) + " of the " + measure;
  if (outlook.above > outlook.within) budget += ", a step earlier " + percent(outlook.above, outlook.full);
  rows.emplace_back(row, budget);
  rows.emplace_back("smallest reachable", percent(outlook.smallest, outlook.full));
  return rows;
}

std::string budget_line(const Model& model, const BudgetConfig& config) {
  std::string line;
  for (const auto& [what, figure] : budget_rows(model, config)) line += (line.empty() ? "" : "; ") + what + ": " + figure;
  return line;
}

}  // namespace coppice
