// What the importance methods that need one backward pass have in common.
//
// With P = sum_b w g_b and Q = sum_b (w g_b)^2 / n_b over micro-batches b of n_b samples, the salience of a weight is
//   s = first * P + second * Q
// and the coarse score of a vector |sum P|, or sum_b (sum w g_b)^2 / n_b (`squared_coarse`).
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "algorithms/importance/importance.h"

namespace coppice {

struct GradientRule {
  double first = 0.0;
  double second = 0.0;
  bool squared_coarse = false;
};

std::unique_ptr<ImportanceEstimator> make_gradient_estimator(const GradientRule& rule, const Model& model,
                                                             const ScoreRequest& request);
std::vector<ScoreBlock> gradient_blocks(const Model& model, const ScoreRequest& request);
UnitScores decode_gradient_units(const Model& model, const ScoreRequest& request,
                                 std::span<const std::vector<double>> sums);
ElementScores decode_gradient_elements(const Model& model, const ScoreRequest& request,
                                       std::span<const std::vector<double>> sums);

}  // namespace coppice
