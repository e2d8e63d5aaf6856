// Distillation from a dense model (models/distillation.h has the loss).
//
// Cost: a forward pass of the teacher a step; its weights travel once, at the client's first round.
#pragma once

#include "algorithms/training/frozen_replica.h"
#include "core/config.h"
#include "models/distillation.h"

namespace coppice {

struct DistillConfig {
  double temperature = 2.0;
  double weight = 0.67;
  void visit(FieldVisitor& v);
};

// What the teacher says about a batch.
Guide guide_of(const FrozenReplica& teacher, const Batch& batch, const DistillConfig& config);

}  // namespace coppice
