#include "algorithms/training/block_pass.h"

#include <ATen/core/grad_mode.h>

#include "models/input_tensor.h"

namespace coppice {

at::Tensor BlockPass::forward(const Batch& batch) {
  std::vector<at::Tensor> unmoved;  // running statistics for a forward pass that will be repeated
  if (recompute_) {
    for (const at::Tensor& moments : weights_.moments) unmoved.push_back(moments.clone());
  }
  const int last = model_.num_blocks() - 1;
  at::Tensor hidden = std::visit(InputTensor{}, batch.inputs);
  for (int i = 0; i <= last; ++i) {
    const bool again = recompute_ && i < last;
    const at::Tensor input = i == 0 ? hidden : hidden.detach().set_requires_grad(true);
    const at::AutoGradMode graph(!again);
    hidden = model_.forward_block(i, input, again ? Weights{weights_.params, unmoved} : weights_, tap_, mode_);
    tap_.after_block(i, hidden);
    borders_.push_back({input, again || i == last ? at::Tensor() : hidden});
  }
  return hidden;
}

void BlockPass::backward(const at::Tensor& loss, const std::function<void(int block)>& done) {
  loss.backward();
  at::Tensor gradient;
  for (int i = model_.num_blocks() - 1; i >= 0; --i) {
    const Border border = std::move(borders_.back());
    borders_.pop_back();
    if (gradient.defined()) {
      const at::Tensor output =
          border.output.defined() ? border.output : model_.forward_block(i, border.input, weights_, tap_, mode_);
      output.backward(gradient);
    }
    gradient = border.input.grad();
    done(i);
  }
}

void take_whole_gradients(const Model& model, std::span<const at::Tensor> leaves, int block,
                          const std::function<void(ParamId tensor, const at::Tensor& gradient)>& take) {
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    at::Tensor& grad = leaves[i].mutable_grad();
    if (!grad.defined() || model.first_block_of(static_cast<ParamId>(i)) < block) continue;
    const at::Tensor whole = grad.contiguous();
    grad.reset();
    take(static_cast<ParamId>(i), whole);
  }
}

}  // namespace coppice
