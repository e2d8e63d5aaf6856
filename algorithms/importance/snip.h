// SNIP: sensitivity of the loss to each connection.
//
// Lee, Ajanthan & Torr, ICLR 2019, eq. 5-6: s_i = |w_i g_i| / sum_j |w_j g_j|, g = dL/dw. For units a gate multiplies
// the whole vector, as in 3SP (van Amersfoort et al. 2020):
//   coarse = sum_v |sum_{i in v} w_i g_i|        fine = sum_v sum_{i in v} |w_i g_i|
// both divided by the sum of all fine scores. Federated after SalientGrads (arXiv 2405.09037), weighted by samples.
// Deviation: the division happens once, at the coordinator, on the fused scores: that keeps the sums additive and
// leaves the order unchanged. Cost: one backward pass.
#pragma once

#include <map>
#include <vector>

#include "core/config.h"
#include "algorithms/importance/gradient_rule.h"
#include "algorithms/importance/scores.h"

namespace coppice {

struct SnipConfig {
  static constexpr const char* kName = "snip";
  void visit(FieldVisitor& v);
};

GradientRule rule_of(const SnipConfig& config);

// Divides by the sum of all fine scores; leaves scores that are all zero alone.
void normalise_snip(UnitScores& scores);
void normalise_snip(std::map<int, std::vector<float>>& scores);

}  // namespace coppice
