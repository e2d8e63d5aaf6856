// Forward is done: loss, backward, and what a round records of a pass.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "models/batch.h"
#include "models/distillation.h"
#include "models/losses.h"

namespace coppice {

struct PassResult {
  double loss_sum = 0.0;  // over samples
  double hits = 0.0;  // hits_of
  std::int64_t samples = 0;
};

// What a backward pass starts from: the loss's sum, or its mean where that was asked for.
struct Goal {
  at::Tensor value;
  PassResult result;
};
// A guide makes the loss the distilled one.
Goal goal_of(const at::Tensor& logits, const at::Tensor& targets, LossKind loss, bool mean, const Guide* guide);

// A whole pass over one graph: gradients of the loss's sum, or of its mean where `mean` is set, with respect to `leaves`: one each, undefined where the logits do not
// depend on it, contiguous.
PassResult backward_pass(const at::Tensor& logits, const at::Tensor& targets, LossKind loss, bool mean, const Guide* guide,
                         std::span<const at::Tensor> leaves, std::vector<at::Tensor>& gradients);

}  // namespace coppice
