// The models that a rank holds while it plays one plan; all clients of the plan share them.
#pragma once

#include <optional>

#include "algorithms/exchange/client_cost.h"
#include "algorithms/exchange/plan.h"
#include "algorithms/training/frozen_replica.h"
#include "algorithms/training/replica.h"

namespace coppice {

struct ClientModels {
  explicit ClientModels(const RoundPlan& plan) : replica(make_model(plan.values->config)), pass(replica.model()) {
    for (const Task& task : plan.tasks) {
      const auto* training = std::get_if<TrainTask>(&task);
      if (training == nullptr) continue;
      position_flops = training_flops(plan, *training, pass);
      if (training->distill) teacher.emplace(plan.teacher.values, training->precision);
      if (plan.adapters) base.emplace(plan.values, training->precision);
    }
  }

  Replica replica;
  PassFlops pass;  // of its model
  double position_flops = 0.0;           // of a position that a Train task sees
  std::optional<FrozenReplica> teacher;  // of a Train task that distills
  std::optional<FrozenReplica> base;     // of a Train task that adapts
};

}  // namespace coppice
