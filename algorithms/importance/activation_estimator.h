// The pass and the reading of importance by weights and the norms of their inputs (activation.h, ria.h, flap.h).
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "algorithms/importance/activation_rule.h"
#include "algorithms/importance/importance.h"

namespace coppice {

std::unique_ptr<ImportanceEstimator> make_activation_estimator(ActivationRule rule, const Model& model,
                                                               const ScoreRequest& request);
std::vector<ScoreBlock> activation_blocks(ActivationRule rule, const Model& model, const ScoreRequest& request);
UnitScores decode_activation_units(ActivationRule rule, const Model& model, const Arena& base,
                                   const ScoreRequest& request, std::span<const std::vector<double>> sums);
ElementScores decode_activation_elements(ActivationRule rule, const Model& model, const Arena& base,
                                         const ScoreRequest& request, std::span<const std::vector<double>> sums);

}  // namespace coppice
