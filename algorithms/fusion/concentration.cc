#include "algorithms/fusion/concentration.h"

#include <cmath>

#include "algorithms/importance/unit_vectors.h"

namespace coppice {

ElementScores concentrated(const PrunableStructure& structure, const ArenaLayout& layout, ElementScores scores, double power) {
  if (power == 0.0) return scores;
  const UnitVectors vectors(structure, layout, UnitVectors::Side::kBoth);
  std::vector<double> sums(static_cast<std::size_t>(vectors.size()), 0.0);
  for (const auto& [tensor, values] : scores) vectors.sum_into(tensor, std::vector<double>(values.begin(), values.end()), sums);
  std::vector<double> factors = vectors.normalised(vectors.per_unit(sums));
  for (double& factor : factors) factor = std::pow(factor, power);
  for (auto& [tensor, values] : scores) vectors.scale(tensor, factors, values);
  return scores;
}

}  // namespace coppice
