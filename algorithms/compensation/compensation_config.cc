#include "algorithms/compensation/compensation_config.h"

namespace coppice {

void NoCompensation::visit(FieldVisitor& /*v*/) {}

void BiasCompensation::visit(FieldVisitor& /*v*/) {}

void SlorbConfig::visit(FieldVisitor& v) {
  v.field("inputs", inputs, "inputs of a matrix that share one number of its booster", at_least(1));
}

void SparseGptConfig::visit(FieldVisitor& v) {
  v.choice("mode", mode, {"sequential", "one_pass"}, "inputs as the pruned blocks before make them, or as the dense model's");
  v.field("damping", damping, "added to the diagonal of X^T X, as a fraction of its mean", above_to(0, 1));
  v.field("columns", columns, "of a matrix that are worked on at once", at_least(1));
}

}  // namespace coppice
