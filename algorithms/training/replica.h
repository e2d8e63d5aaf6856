// A model with weights of its own on one rank: what a virtual client trains, scores and measures with. One replica serves
// many clients, one after the other.
//
// Loading a state copies nothing: the received weights are read in place until the first step writes the replica's own.
// Gradients are taken over from autograd tensor by tensor, without a pass to clear or to accumulate them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "algorithms/training/backward_pass.h"
#include "algorithms/training/optimizer.h"
#include "algorithms/training/precision.h"
#include "models/batch.h"
#include "models/losses.h"
#include "models/model.h"
#include "models/model_state.h"

namespace coppice {

class Replica {
 public:
  explicit Replica(std::shared_ptr<const Model> model);

  const Model& model() const { return *model_; }
  std::shared_ptr<const Model> shared_model() const { return model_; }

  // `state` must have the model's layout.
  void load(std::shared_ptr<const ModelState> state, Precision precision);
  // On top of a load: a mask on the weights, other running statistics. Null keeps the received ones.
  void use_variant(const Mask* mask, const Arena* moments);
  // On top of a load: the forward pass takes M * W, its gradients and steps go to W (algorithms/training/sparse_config.h). `mask` must
  // live until the next load.
  void use_shadows(const Mask& mask);

  const ModelState& received() const { return *received_; }
  const Arena& base() const { return own_ ? base_ : received_->base; }
  const Arena& moments() const { return moments_; }

  at::Tensor logits(const Batch& batch, Tap& tap, Mode mode) const;  // without gradient
  // The same block by block: what block 0 takes, and what a block makes of it. In eval mode.
  at::Tensor input(const Batch& batch) const;
  at::Tensor block(int index, const at::Tensor& hidden, Tap& tap) const;
  // Whether later backward passes compute activations twice rather than keep them (BlockPass); the bits are the same.
  void set_recompute(bool recompute) { recompute_ = recompute; }
  // For one who needs each gradient once: called with a tensor's as soon as it is whole, which is then dropped. At most two blocks'
  // gradients are alive, and those of tensors that several blocks share (a tied embedding).
  using TakeGradient = std::function<void(ParamId tensor, const at::Tensor& gradient)>;
  // Forward and backward; gradients of the loss's sum, or of its mean where `mean` is set. A guide makes the loss the distilled one.
  // Without `take` gradients() has them afterwards.
  PassResult backward(const Batch& batch, LossKind loss, Tap& tap, Mode mode, bool mean, const Guide* guide = nullptr,
                      const TakeGradient& take = {});
  // One a base entry, valid until the next pass; undefined where the loss does not depend on the entry.
  std::span<const at::Tensor> gradients() const { return gradients_; }
  void forget_gradients() { gradients_.assign(gradients_.size(), at::Tensor()); }

  bool step(Optimizer& optimizer, StepOptions options);  // whether all weights are finite afterwards

 private:
  Weights weights() const;
  void refresh_leaves();
  void make_base();

  std::shared_ptr<const Model> model_;
  Precision precision_ = Precision::kF32;
  std::shared_ptr<const ModelState> received_;
  bool recompute_ = false;
  bool own_ = false;  // whether the replica's own weights are in use
  Arena base_;
  Arena moments_;
  const Mask* shadows_ = nullptr;
  Arena forward_;  // a copy of the weights in use, bfloat16 or masked, made only where precision or shadows ask for it
  std::vector<at::Tensor> leaves_;  // alias the weights in use, or their copy
  std::vector<at::Tensor> gradients_;
};

}  // namespace coppice
