// One client's pass: what every importance that needs data does at the client.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "models/arena.h"
#include "models/tap.h"
#include "algorithms/importance/scores.h"

namespace coppice {

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

}  // namespace coppice
