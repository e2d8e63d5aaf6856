// What is minimised: losses as sums over samples, so that they add up over batches, clients and ranks.
//
// Shapes: B batch, T tokens, V classes, labels or targets.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace coppice {

enum class LossKind : std::uint8_t {
  kCrossEntropy,  // int64 targets [B] of logits [B, V], or [B, T] of [B, T, V]: every token is a sample
  kBinary,        // float32 targets [B, V] in [0, 1]: V labels, each with a sigmoid; the loss of a sample is their mean
  kSquaredError,  // float32 targets [B, V]: the loss of a sample is the mean of its V squared errors
  // float32 targets [B, V]: how often each of V words occurs. Outputs are what one occurrence costs, in nats (models/prodlda.h); every
  // occurrence is a sample, so that exp of the mean is the perplexity.
  kWordCosts,
};

// A class target left out of the loss and of every count (padding of a text).
constexpr std::int64_t kIgnoredTarget = -100;

// Sum over samples of the loss: a float32 scalar that can be differentiated. Divided by count_of it is what PyTorch's
// cross_entropy, binary_cross_entropy_with_logits and mse_loss return. Throws InputError as check_targets does.
at::Tensor loss_sum(LossKind kind, const at::Tensor& logits, const at::Tensor& targets);

// Samples that count: class targets that are not ignored, words that occur, or B.
std::int64_t count_of(LossKind kind, const at::Tensor& targets);

// Throws InputError unless the targets have the shape and dtype that the logits ask for and, as classes, lie in [0, V).
void check_targets(LossKind kind, const at::Tensor& logits, const at::Tensor& targets);

}  // namespace coppice
