// Distillation (Hinton, Vinyals & Dean 2015, section 2): a student that learns from the targets and from a teacher's logits, without
// copies of either's. Per sample, with logits x of the student and y of the teacher,
//
//   (1 - weight) * cross_entropy(x, target) + weight * T^2 * KL(softmax(y / T) || softmax(x / T))
//
// Kept until the backward pass: both logits and six floats a row; made there: the gradient. In bfloat16 that is 6 NV bytes, where
// PyTorch's cross_entropy and kl_div hold 32 and more. Cost: two passes over both rows forward, one backward.
#pragma once

#include <ATen/core/Tensor.h>

namespace coppice {

// What guides a student on one batch.
struct Guide {
  at::Tensor logits;         // the teacher's, of the student's shape and dtype
  double temperature = 2.0;  // T
  double weight = 0.67;      // of the teacher; the targets have the rest
};

// Sum over samples, float32, of class targets as loss_sum takes them (models/losses.h); ignored ones count nothing. Throws InputError as
// check_targets does, Error where the two logits are not alike. Can be differentiated once.
at::Tensor distilled_loss_sum(const at::Tensor& logits, const at::Tensor& targets, const Guide& guide);

}  // namespace coppice
