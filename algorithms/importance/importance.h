// Importance of units and of single weights: what a client measures in its pass, and how the coordinator reads the sum.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <variant>
#include <vector>

#include "core/seed.h"
#include "models/arena.h"
#include "models/model.h"
#include "models/tap.h"
#include "algorithms/importance/activation.h"
#include "algorithms/importance/block_influence.h"
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
                                      BlockInfluenceConfig, MagnitudeConfig, SynFlowConfig, RandomConfig>;

// Scores of single weights, row-major, for each matrix that was asked for. >= 0, per sample.
using ElementScores = std::map<ParamId, std::vector<float>>;

// One client's pass; made afresh for each client. Batch norms must be in Mode::kEval: in train mode the loss does not
// depend on a filter's scale and every coarse score is zero.
class ImportanceEstimator {
 public:
  virtual ~ImportanceEstimator() = default;

  virtual bool needs_gradient() const = 0;
  virtual Tap* tap() { return nullptr; }  // to be installed for the forward passes; null: none
  virtual const std::vector<ScoreBlock>& blocks() const = 0;

  // Where needs_gradient(): in each micro-batch of `samples` (GraSP: of all a client looks at, H g in its place), once for each tensor of
  // the base, in any order: its weights and d(loss summed over the samples)/d(weights), float32 or bfloat16. A tensor left out has no
  // gradient.
  virtual void take_gradient(ParamId /*tensor*/, std::span<const float> /*weights*/, const at::Tensor& /*gradient*/,
                             std::int64_t /*samples*/) {}
  // After each micro-batch.
  virtual void observe(const Arena& base, std::int64_t samples) = 0;

  // Additive numerators in the order of blocks(), the number of samples last; all zero without samples. Call it once.
  virtual std::vector<std::vector<double>> finish() = 0;
};

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

// Magnitude, SynFlow and random. Throw Error where !from_weights_alone(config).
UnitScores weight_unit_scores(const ImportanceConfig& config, const Model& model, const Arena& base, Seed seed);
ElementScores weight_element_scores(const ImportanceConfig& config, const Model& model, const Arena& base, bool edge,
                                    Seed seed);

}  // namespace coppice
