#include "algorithms/training/teacher.h"

#include <ATen/core/grad_mode.h>

namespace coppice {

Guide guide_of(const FrozenReplica& teacher, const Batch& batch, const DistillConfig& config) {
  const at::NoGradGuard no_grad;
  Tap tap;
  return {teacher.forward(batch, tap), config.temperature, config.weight};
}

void DistillConfig::visit(FieldVisitor& v) {
  v.field("temperature", temperature, "softens both models' answers", above(0));
  v.field("weight", weight, "of the teacher in the loss; the targets have the rest", within(0, 1));
}

}  // namespace coppice
