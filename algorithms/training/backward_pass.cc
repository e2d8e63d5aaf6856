#include "algorithms/training/backward_pass.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "models/measures.h"

namespace coppice {

Goal goal_of(const at::Tensor& logits, const at::Tensor& targets, LossKind loss, bool mean, const Guide* guide) {
  Goal goal;
  PassResult& result = goal.result;
  result.samples = count_of(loss, targets);
  const at::Tensor sum = guide != nullptr ? distilled_loss_sum(logits, targets, *guide) : loss_sum(loss, logits, targets);
  goal.value = mean ? sum.div(static_cast<double>(std::max<std::int64_t>(1, result.samples))) : sum;
  const at::NoGradGuard no_grad;
  result.loss_sum = sum.item<double>();
  result.hits = hits_of(loss, logits, targets);
  return goal;
}

PassResult backward_pass(const at::Tensor& logits, const at::Tensor& targets, LossKind loss, bool mean, const Guide* guide,
                         std::span<const at::Tensor> leaves, std::vector<at::Tensor>& gradients) {
  const Goal goal = goal_of(logits, targets, loss, mean, guide);
  goal.value.backward();
  gradients.resize(leaves.size());
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    at::Tensor& grad = leaves[i].mutable_grad();
    gradients[i] = grad.defined() ? grad.contiguous() : at::Tensor();
    grad.reset();
  }
  return goal.result;
}

}  // namespace coppice
