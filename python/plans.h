// Plans and answers as Python sees them.
#pragma once

#include <string>

#include "algorithms/exchange/answer.h"
#include "algorithms/exchange/plan.h"
#include "algorithms/methods/federation_config.h"
#include "algorithms/methods/cohort.h"
#include "python/leases.h"

namespace coppice {

struct PlanView {
  RoundPlan plan;
};

// What a stage's method knows of the run it is part of.
struct Federation {
  std::string stage;
  FederationConfig config;
  Population population;
  LossKind loss = LossKind::kCrossEntropy;
};

}  // namespace coppice
