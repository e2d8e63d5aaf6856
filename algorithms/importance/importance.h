// Importance of units and of single weights: what a client measures in its pass, and how the coordinator reads the sum.
#pragma once

#include <memory>
#include <span>
#include <variant>
#include <vector>

#include "core/seed.h"
#include "models/arena.h"
#include "models/model.h"
#include "algorithms/importance/activation.h"
#include "algorithms/importance/block_influence.h"
#include "algorithms/importance/custom_importance.h"
#include "algorithms/importance/estimator.h"
#include "algorithms/importance/fisher.h"
#include "algorithms/importance/flap.h"
#include "algorithms/importance/grasp.h"
#include "algorithms/importance/magnitude.h"
#include "algorithms/importance/random.h"
#include "algorithms/importance/ria.h"
#include "algorithms/importance/scores.h"
#include "algorithms/importance/snip.h"
#include "algorithms/importance/synflow.h"
#include "algorithms/importance/taylor.h"

namespace coppice {

using ImportanceConfig = std::variant<TaylorConfig, SnipConfig, FisherConfig, GraspConfig, ActivationConfig, RiaConfig, FlapConfig,
                                      BlockInfluenceConfig, MagnitudeConfig, SynFlowConfig, RandomConfig, Custom<Importance>>;

// True for methods that need no data: the coordinator calls weight_*_scores and no plan goes out.
bool from_weights_alone(const ImportanceConfig& config);

// Throws Error where from_weights_alone(config).
std::unique_ptr<ImportanceEstimator> make_estimator(const ImportanceConfig& config, const Model& model,
                                                    const ScoreRequest& request);

// The blocks that make_estimator(...)->blocks() reports.
std::vector<ScoreBlock> score_blocks(const ImportanceConfig& config, const Model& model, const ScoreRequest& request);

// Reads the sum of all clients' blocks (in the order of score_blocks). `base`: the weights at which clients looked.
// Throws InputError where the sizes do not fit, a value is not finite, or the summed weight is not positive.
UnitScores decode_unit_scores(const ImportanceConfig& config, const Model& model, const Arena& base,
                              const ScoreRequest& request, std::span<const std::vector<double>> sums);
ElementScores decode_element_scores(const ImportanceConfig& config, const Model& model, const Arena& base,
                                    const ScoreRequest& request, std::span<const std::vector<double>> sums);

// Whether only single weights have such an importance.
bool scores_elements_alone(const ImportanceConfig& config);

// Magnitude, SynFlow, random and custom ones of weights. Throw Error where !from_weights_alone(config).
UnitScores weight_unit_scores(const ImportanceConfig& config, const Model& model, const Arena& base, Seed seed);
ElementScores weight_element_scores(const ImportanceConfig& config, const Model& model, const Arena& base, bool edge,
                                    Seed seed);

}  // namespace coppice
