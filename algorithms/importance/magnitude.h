// Magnitude: importance of the weights alone, without data.
//
// Han et al. 2015 (elements, |w|); Li et al. 2017 (filters, l1 norm). For a unit with scored vectors v (a filter, a
// row, a column):
//   fine   = sum_v sum_{i in v} |w_i|^p
//   coarse = sum_v (sum_{i in v} |w_i|^p)^(1/p)
// Elements: |w|^p. Computed at the coordinator: nothing travels. Cost: one pass over the weights.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/config.h"
#include "models/arena.h"
#include "models/prunable_structure.h"
#include "algorithms/importance/scores.h"

namespace coppice {

struct MagnitudeConfig {
  static constexpr const char* kName = "magnitude";
  std::int64_t order = 1;  // p: 1 or 2
  void visit(FieldVisitor& v);
};

UnitScores magnitude_units(const MagnitudeConfig& config, const PrunableStructure& structure, const Arena& base);
std::vector<float> magnitude_elements(const MagnitudeConfig& config, std::span<const float> weights);

}  // namespace coppice
