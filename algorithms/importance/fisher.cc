#include "algorithms/importance/fisher.h"

namespace coppice {

void FisherConfig::visit(FieldVisitor& /*v*/) {}

}  // namespace coppice
