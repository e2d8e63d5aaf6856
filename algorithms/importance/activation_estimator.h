// The pass and the reading of activation importance (algorithms/importance/activation.h).
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "algorithms/importance/importance.h"

namespace coppice {

std::unique_ptr<ImportanceEstimator> make_activation_estimator(const Model& model, const ScoreRequest& request);
std::vector<ScoreBlock> activation_blocks(const Model& model, const ScoreRequest& request);
UnitScores decode_activation_units(const Model& model, const Arena& base, const ScoreRequest& request,
                                   std::span<const std::vector<double>> sums);
ElementScores decode_activation_elements(const Model& model, const Arena& base, const ScoreRequest& request,
                                         std::span<const std::vector<double>> sums);

}  // namespace coppice
