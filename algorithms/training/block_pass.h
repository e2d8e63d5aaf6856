// A forward and backward pass with a graph of its own for each block of the model (Model::forward_block), so that the backward
// pass ends with one block before it begins with the one below, and what is known of a block's gradients can be used and dropped.
//
// With `recompute` the forward pass keeps the blocks' inputs alone and each block is computed a second time when the backward pass
// comes to it (Chen et al. 2016, Training Deep Nets with Sublinear Memory Cost, arXiv:1604.06174, section 3). The bits are the
// same: running statistics move once, with the second computation. Cost: one more forward pass.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <span>
#include <vector>

#include "models/batch.h"
#include "models/model.h"

namespace coppice {

class BlockPass {
 public:
  // All of it must outlive the pass.
  BlockPass(const Model& model, const Weights& weights, Tap& tap, Mode mode, bool recompute)
      : model_(model), weights_(weights), tap_(tap), mode_(mode), recompute_(recompute) {}

  at::Tensor forward(const Batch& batch);  // logits
  // `loss` was computed from the logits. Gradients come to the weights' grad(); done(i) is called once block i has added its own,
  // from the last block to the first. Call it once.
  void backward(const at::Tensor& loss, const std::function<void(int block)>& done);

 private:
  struct Border {
    at::Tensor input;
    at::Tensor output;  // undefined where it will be computed again, and of the last block
  };

  const Model& model_;
  const Weights& weights_;
  Tap& tap_;
  Mode mode_;
  bool recompute_;
  std::vector<Border> borders_;
};

// The gradients that are whole once a backward pass is through `block`: handed over, contiguous, and taken from their leaves.
void take_whole_gradients(const Model& model, std::span<const at::Tensor> leaves, int block,
                          const std::function<void(ParamId tensor, const at::Tensor& gradient)>& take);

}  // namespace coppice
