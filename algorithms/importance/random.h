// Random: uniform scores in [0, 1) from the public seed; the baseline that every score has to beat.
//
// One draw a unit (coarse = fine) or a weight; a function of the seed and of the position alone. Nothing travels.
#pragma once

#include "core/config.h"

namespace coppice {

struct RandomConfig {
  static constexpr const char* kName = "random";
  void visit(FieldVisitor& v);
};

}  // namespace coppice
