#include "algorithms/importance/activation.h"

namespace coppice {

void ActivationConfig::visit(FieldVisitor& /*v*/) {}

}  // namespace coppice
