#include "algorithms/training/replica.h"

#include <ATen/core/grad_mode.h>

#include <utility>

#include "algorithms/training/block_pass.h"
#include "models/input_tensor.h"

namespace coppice {
namespace {

// Leaves alias the arena's memory: autograd differentiates with respect to them, our own kernels write them.
std::vector<at::Tensor> leaves_of(const Arena& arena) {
  std::vector<at::Tensor> leaves;
  leaves.reserve(arena.views().size());
  for (const at::Tensor& view : arena.views()) leaves.push_back(view.detach().set_requires_grad(true));
  return leaves;
}

}  // namespace

Replica::Replica(std::shared_ptr<const Model> model)
    : model_(std::move(model)), moments_("moments", model_->moments_layout()) {}

void Replica::refresh_leaves() {
  if (precision_ == Precision::kF32 && shadows_ == nullptr) {
    leaves_ = leaves_of(base());
    return;
  }
  const DType dtype = precision_ == Precision::kF32 ? DType::kF32 : DType::kBF16;
  if (forward_.layout().size() == 0 || forward_.dtype() != dtype) forward_ = Arena("forward", model_->base_layout(), dtype);
  forward_.copy_from(base());
  base().set_aside();
  if (shadows_ != nullptr) shadows_->apply_to(forward_);
  leaves_ = leaves_of(forward_);
}

// Weights of its own take memory where they are first needed.
void Replica::make_base() {
  if (base_.layout().size() == 0) base_ = Arena("base", model_->base_layout());
}

void Replica::load(std::shared_ptr<const ModelState> state, Precision precision) {
  const bool same = received_ == state && precision_ == precision && !own_ && shadows_ == nullptr;
  precision_ = precision;
  received_ = std::move(state);
  own_ = false;
  shadows_ = nullptr;
  moments_.copy_from(received_->moments);
  forget_gradients();
  if (!same) refresh_leaves();
}

void Replica::use_variant(const Mask* mask, const Arena* moments) {
  moments_.copy_from(moments != nullptr ? *moments : received_->moments);
  if (mask == nullptr && !own_) return;
  own_ = mask != nullptr;
  if (own_) {
    make_base();
    base_.copy_from(received_->base);
    mask->apply_to(base_);
  }
  refresh_leaves();
}

void Replica::use_shadows(const Mask& mask) {
  shadows_ = &mask;
  refresh_leaves();
}

Weights Replica::weights() const { return {leaves_, moments_.views()}; }

at::Tensor Replica::logits(const Batch& batch, Tap& tap, Mode mode) const {
  const at::NoGradGuard no_grad;
  return model_->forward(in_precision(batch, precision_), weights(), tap, mode);
}

at::Tensor Replica::input(const Batch& batch) const { return std::visit(InputTensor{}, in_precision(batch, precision_).inputs); }

at::Tensor Replica::block(int index, const at::Tensor& hidden, Tap& tap) const {
  const at::NoGradGuard no_grad;
  return model_->forward_block(index, hidden, weights(), tap, Mode::kEval);
}

PassResult Replica::backward(const Batch& batch, LossKind loss, Tap& tap, Mode mode, bool mean, const Guide* guide,
                             const TakeGradient& take) {
  forget_gradients();
  gradients_.resize(leaves_.size());
  const Weights in_use = weights();
  BlockPass pass(*model_, in_use, tap, mode, recompute_);
  const Goal goal = goal_of(pass.forward(in_precision(batch, precision_)), batch.targets, loss, mean, guide);
  const TakeGradient keep = [this](ParamId tensor, const at::Tensor& gradient) { gradients_[static_cast<std::size_t>(tensor)] = gradient; };
  pass.backward(goal.value, [&](int block) { take_whole_gradients(*model_, leaves_, block, take ? take : keep); });
  return goal.result;
}

bool Replica::step(Optimizer& optimizer, StepOptions options) {
  if (precision_ == Precision::kBF16 || shadows_ != nullptr) options.forward = &forward_;
  const bool first = !std::exchange(own_, true);
  make_base();
  if (first && received_->base.in_file()) {  // so that the file's pages are gone before the optimizer's come
    base_.copy_from(received_->base);
    received_->base.set_aside();
  }
  const bool finite = optimizer.step(first && !received_->base.in_file() ? received_->base : base_, gradients_, base_, options);
  if (first && options.forward == nullptr) refresh_leaves();
  return finite;
}

}  // namespace coppice
