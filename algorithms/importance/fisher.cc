#include "algorithms/importance/fisher.h"

namespace coppice {

void FisherConfig::visit(FieldVisitor& /*v*/) {}

GradientRule rule_of(const FisherConfig& /*config*/) { return {.second = 1.0, .squared_coarse = true}; }

}  // namespace coppice
