#include "algorithms/importance/taylor.h"

namespace coppice {

void TaylorConfig::visit(FieldVisitor& v) {
  v.choice("order", order, {"first", "second", "mix"}, "terms of the fine score: w g, w A w, or w g - w A w / 2");
}

}  // namespace coppice
