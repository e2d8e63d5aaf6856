#include "algorithms/importance/snip.h"

#include <numeric>

namespace coppice {

void SnipConfig::visit(FieldVisitor& /*v*/) {}

GradientRule rule_of(const SnipConfig& /*config*/) { return {.first = 1.0}; }

void normalise_snip(UnitScores& scores) {
  const double total = std::accumulate(scores.fine.begin(), scores.fine.end(), 0.0);
  if (total <= 0.0) return;
  for (double& score : scores.coarse) score /= total;
  for (double& score : scores.fine) score /= total;
}

void normalise_snip(std::map<int, std::vector<float>>& scores) {
  double total = 0.0;
  for (const auto& [tensor, values] : scores) total = std::accumulate(values.begin(), values.end(), total);
  if (total <= 0.0) return;
  for (auto& [tensor, values] : scores) {
    for (float& value : values) value = static_cast<float>(value / total);
  }
}

}  // namespace coppice
