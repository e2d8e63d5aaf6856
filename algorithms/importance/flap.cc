#include "algorithms/importance/flap.h"

namespace coppice {

void FlapConfig::visit(FieldVisitor& /*v*/) {}

ActivationRule activation_rule_of(const FlapConfig& /*config*/) { return {.fluctuation = true}; }

}  // namespace coppice
