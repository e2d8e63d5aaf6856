// What a prune stage's budget comes to, in words, before anything is cut.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "algorithms/budget/budget.h"
#include "models/model.h"

namespace coppice {

// Pairs of what and figure: what goes at once, in the budget's own measure, and between which sizes the budget lies. The sizes on the
// way are those of equal scores: exact where one kind of unit goes alone and in one step everywhere.
std::vector<std::pair<std::string, std::string>> budget_rows(const Model& model, const BudgetConfig& config);

// The same in a line.
std::string budget_line(const Model& model, const BudgetConfig& config);

}  // namespace coppice
