// A client's weights under a mask that stays: kept values alone, as received and as trained, their gradients and what the optimizer
// remembers of them, all on the support. What `Replica` trains under the same mask has the same bits.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "algorithms/training/backward_pass.h"
#include "algorithms/training/optimizer.h"
#include "algorithms/training/precision.h"
#include "algorithms/training/sparse_leaves.h"
#include "models/batch.h"
#include "models/model_state.h"

namespace coppice {

class SparseReplica {
 public:
  // Gathers the kept values of `state`. `mask` must outlive it.
  SparseReplica(std::shared_ptr<const Model> model, const ModelState& state, const Mask& mask, Precision precision, bool recompute);

  // Of kept_layout.
  const Arena& received() const { return received_; }
  const Arena& base() const { return own_ ? base_ : received_; }
  const Arena& moments() const { return moments_; }

  PassResult backward(const Batch& batch, LossKind loss, const Guide* guide);  // of the loss's mean, batch norms in train mode
  bool step(Optimizer& optimizer, StepOptions options);                       // whether all weights are finite afterwards

 private:
  std::shared_ptr<const Model> model_;
  Precision precision_;
  bool recompute_;
  bool own_ = false;  // whether a step was taken
  Arena received_;
  Arena base_;
  Arena moments_;
  Arena forward_;  // bfloat16 only
  SparseLeaves leaves_;
  std::vector<at::Tensor> gradients_;
};

}  // namespace coppice
