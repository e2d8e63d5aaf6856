// What one pass over a batch takes for activations and gradients, measured on one and on two samples. Each stretch of a pass (the
// forward, then the backward of block after block) takes a fixed part and one that grows with the samples, so that the two
// measurements give the peak of a batch of any size. Cost: a pass over three samples.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "models/batch.h"
#include "models/losses.h"
#include "models/model.h"

namespace coppice {

class PassMemory {
 public:
  std::uint64_t at(std::int64_t samples) const;  // bytes

 private:
  friend PassMemory memory_of_pass(const std::function<std::vector<std::uint64_t>(std::int64_t)>& stretches);

  std::vector<double> fixed_;
  std::vector<double> per_sample_;
};

// Where the batches come from: fills one of so many samples.
using BatchOf = std::function<void(std::int64_t samples, Batch& batch)>;

// Of a step's forward and backward pass; with `released` gradients of a block are given up at once, as when scoring.
PassMemory training_memory(const Model& model, const Weights& weights, LossKind loss, const BatchOf& batch_of, bool recompute,
                           bool released);
// Of a pass that only measures.
PassMemory measuring_memory(const Model& model, const Weights& weights, LossKind loss, const BatchOf& batch_of);

}  // namespace coppice
