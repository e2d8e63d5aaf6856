#include "algorithms/importance/ria.h"

namespace coppice {

void RiaConfig::visit(FieldVisitor& v) { v.field("power", power, "of the norm of a weight's inputs", within(0, 1)); }

ActivationRule activation_rule_of(const RiaConfig& config) { return {.relative = true, .power = config.power}; }

}  // namespace coppice
