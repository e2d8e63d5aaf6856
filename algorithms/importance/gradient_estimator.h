// The pass and the reading of all importance methods that need one backward pass.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "algorithms/importance/gradient_rule.h"
#include "algorithms/importance/importance.h"

namespace coppice {

std::unique_ptr<ImportanceEstimator> make_gradient_estimator(const GradientRule& rule, const Model& model,
                                                             const ScoreRequest& request);
std::vector<ScoreBlock> gradient_blocks(const Model& model, const ScoreRequest& request, UnitVectors::Side side = UnitVectors::Side::kScored);
UnitScores decode_gradient_units(const Model& model, const ScoreRequest& request, std::span<const std::vector<double>> sums,
                                 UnitVectors::Side side = UnitVectors::Side::kScored);
ElementScores decode_gradient_elements(const GradientRule& rule, const Model& model, const ScoreRequest& request,
                                       std::span<const std::vector<double>> sums);

}  // namespace coppice
