#include "algorithms/importance/activation.h"

namespace coppice {

void ActivationConfig::visit(FieldVisitor& /*v*/) {}

ActivationRule activation_rule_of(const ActivationConfig& /*config*/) { return {}; }

}  // namespace coppice
