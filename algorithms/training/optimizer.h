// The client's optimizer: one fused pass over memory a step, from gradients to the next weights, under a mask or not.
//
// PyTorch's semantics (torch.optim.SGD with dampening 0, Adam, AdamW), so that trajectories can be compared. Under a mask
// dropped weights and their state are exactly 0 after every step, and so is what decay or FedProx would add to them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <span>

#include "algorithms/training/kept_bytes.h"
#include "algorithms/training/optimizer_config.h"
#include "models/arena.h"

namespace coppice {

struct StepOptions {
  double lr_scale = 1.0;
  const KeptBytes* kept = nullptr;      // null: nothing dropped
  const Arena* anchor = nullptr;        // FedProx: adds prox_mu * (w - anchor) to the gradient
  double prox_mu = 0.0;
  const Arena* correction = nullptr;    // added to the gradient (SCAFFOLD: c - c_k)
  double clip_norm = 0.0;               // largest l2 norm of the gradient; 0 = unbounded
  const Arena* low = nullptr;           // a bfloat16 arena that takes the rounded new weights
};

class Optimizer {
 public:
  Optimizer(const OptimizerConfig& config, std::shared_ptr<const ArenaLayout> layout);

  // Forgets all state, at no cost: the first step afterwards overwrites it.
  void reset() { steps_ = 0; }

  // after = before - update(gradients). `after` and `before` may be the same arena. gradients[i] is float32 or bfloat16,
  // contiguous, of entry i's size; an undefined tensor counts as zero. Returns whether `after` is finite everywhere.
  bool step(const Arena& before, std::span<const at::Tensor> gradients, const Arena& after, const StepOptions& options);

 private:
  OptimizerConfig config_;
  Arena first_;   // momentum, or Adam's first moment
  Arena second_;  // Adam's second moment
  std::int64_t steps_ = 0;
};

}  // namespace coppice
