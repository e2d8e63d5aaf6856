// The client's optimizer: one fused pass over memory a step, from gradients to the next weights, under a mask or not.
//
// PyTorch's semantics (torch.optim.SGD with dampening 0, Adam, AdamW), so that trajectories can be compared. Under a mask
// dropped weights and their state are exactly 0 after every step, and so is what decay or FedProx would add to them.
//
// Under shadows (algorithms/training/sparse_config.h) dropped weights take their gradients like all others, and a decay
// d = lambda * (1 - M) * W pulls them to 0; only `forward` is masked. In the gradient (SR-STE) d joins g, after clipping. Beside it (AST):
//
//   m <- b1 m + (1 - b1) g      v <- b2 v + (1 - b2) (g + d)^2
//   W <- W (1 - lr wd) - lr (m / (1 - b1^t) + d) / (sqrt(v / (1 - b2^t)) + eps)          SGD: W <- W - lr (momentum + d)
//
// Two deviations from AST's published GPT-2 optimizer, which takes v from m + d and corrects d for the bias of m: lambda = 0 is exactly
// the plain optimizer, and a decay is as strong in the first steps of a client's fresh moments as in all others.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "algorithms/training/kept_bytes.h"
#include "algorithms/training/optimizer_config.h"
#include "models/arena.h"

namespace coppice {

struct ShadowStep {
  double decay = 0.0;        // lambda
  bool in_gradient = false;  // SR-STE; else beside it
};

struct StepOptions {
  double lr_scale = 1.0;
  const KeptBytes* kept = nullptr;      // null: nothing dropped
  const Arena* anchor = nullptr;        // FedProx: adds prox_mu * (w - anchor) to the gradient
  double prox_mu = 0.0;
  const Arena* correction = nullptr;    // added to the gradient (SCAFFOLD: c - c_k)
  double clip_norm = 0.0;               // largest l2 norm of the gradient; 0 = unbounded
  std::optional<ShadowStep> shadows = {};  // of what `kept` drops; absent: it is 0 and stays 0
  const Arena* forward = nullptr;       // takes the new weights as a forward pass wants them: rounded where it is bfloat16, masked under
                                        // shadows
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
