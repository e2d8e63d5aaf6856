// Random: uniform scores in [0, 1) from the public seed; the baseline that every score has to beat.
//
// One draw a unit (coarse = fine) or a weight; a function of the seed and of the position alone. Nothing travels.
#pragma once

#include <cstdint>
#include <vector>

#include "core/config.h"
#include "core/seed.h"
#include "algorithms/importance/scores.h"

namespace coppice {

struct RandomConfig {
  static constexpr const char* kName = "random";
  std::int64_t draws = 1;  // masks drawn and compared on held-out samples, the search that adaptive fusion also gets
  void visit(FieldVisitor& v);
};

UnitScores random_units(std::int64_t units, Seed seed);
std::vector<float> random_elements(int tensor, std::int64_t numel, Seed seed);

}  // namespace coppice
