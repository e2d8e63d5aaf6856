// Block influence: how far a layer turns the residual stream. For whole layers alone.
//
// ShortGPT (Men et al. 2024, arXiv 2403.03853), section 3.2, eq. 1:
//   BI_l = 1 - E_t [ x_l,t . x_l+1,t / (|x_l,t| |x_l+1,t|) ]
// x_l,t the input of layer l at token t, x_l+1,t its output. A layer that leaves directions as they are has BI 0, and goes first.
// The numerator is the sum over samples of the mean over their tokens; coarse and fine are the same. Cost: one forward pass; two
// numbers a layer travel.
#pragma once

#include <memory>

#include "core/config.h"
#include "models/model.h"
#include "algorithms/importance/scores.h"

namespace coppice {

class ImportanceEstimator;

struct BlockInfluenceConfig {
  static constexpr const char* kName = "block_influence";
  void visit(FieldVisitor& v);
};

// The request that its blocks are made and read by, those of finished unit scores. Throws InputError for single weights, and where a
// unit of the model is not a whole layer.
ScoreRequest block_influence_request(const Model& model, ScoreRequest request);

std::unique_ptr<ImportanceEstimator> make_block_influence(const Model& model, const ScoreRequest& request);

}  // namespace coppice
