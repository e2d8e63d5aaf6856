// What the settings of a received plan cannot say alone, because it depends on its model. All throw InputError.
#pragma once

#include <vector>

#include "algorithms/exchange/plan.h"
#include "models/model.h"

namespace coppice {

void check_tasks(const std::vector<Task>& tasks, const Model& model);
void check_teacher(const RoundPlan& plan, const Model& model);
void check_lottery(const RoundPlan& plan);

}  // namespace coppice
