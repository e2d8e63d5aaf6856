#include "algorithms/importance/magnitude.h"

#include <cmath>

#include "algorithms/importance/unit_vectors.h"

namespace coppice {
namespace {

double magnitude(float w, std::int64_t order) { return order == 1 ? std::abs(w) : static_cast<double>(w) * w; }

}  // namespace

void MagnitudeConfig::visit(FieldVisitor& v) { v.field("order", order, "p of |w|^p", within(1, 2)); }

UnitScores magnitude_units(const MagnitudeConfig& config, const PrunableStructure& structure, const Arena& base) {
  const UnitVectors vectors(structure, base.layout());
  std::vector<double> fine(static_cast<std::size_t>(vectors.size()));
  std::vector<double> magnitudes;
  for (const int tensor : vectors.tensors()) {
    magnitudes.clear();
    for (const float w : base.floats(tensor)) magnitudes.push_back(magnitude(w, config.order));
    vectors.sum_into(tensor, magnitudes, fine);
  }
  UnitScores scores;
  scores.weight = 1.0;
  scores.fine = vectors.per_unit(fine);
  if (config.order == 2) {
    for (double& sum : fine) sum = std::sqrt(sum);
  }
  scores.coarse = vectors.per_unit(fine);
  return scores;
}

std::vector<float> magnitude_elements(const MagnitudeConfig& config, std::span<const float> weights) {
  std::vector<float> scores;
  scores.reserve(weights.size());
  for (const float w : weights) scores.push_back(static_cast<float>(magnitude(w, config.order)));
  return scores;
}

}  // namespace coppice
