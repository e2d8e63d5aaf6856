// Taylor: the loss change that removing weights causes, to first or second order.
//
// LLM-Pruner (Ma, Fang & Wang, NeurIPS 2023), section 3.2. With g the gradient of the client's loss and A_i the sum
// over samples of g_i^2 (diagonal Fisher for the Hessian), the salience s of a weight and the scores of a unit are
//   first  ("param_first")   s = w g
//   second ("param_second")  s = w A w
//   mix    ("param_mix")     s = w g - 0.5 w A w           fine   = sum_v sum_{i in v} |s_i|
//                                         ("vectorize")    coarse = sum_v |sum_{i in v} w_i g_i|
// A vector v is one row (or column, or channel) of one tensor of the unit, so that a head's score is the sum over its
// channels. Elements: |s|.
// With `weights: consumers` v runs over the columns that take in what the unit puts out: sum_{i in v} w_i g_i is what the loss gains where a
// gate z = 1 that multiplies it opens, z dL/dz (Molchanov et al., "Importance estimation for neural network pruning", CVPR 2019, section 3.2).
// Deviations: gradients are of sums over samples, so that the second-order term is not dwarfed as it is with means over
// tokens. A takes g_b^2 / n_b of micro-batches b of n_b samples: with micro-batches of 1 it is the paper's A, with
// larger ones an estimate of it that assumes uncorrelated samples. The fine score of a unit in a federation is
// sum_k |s_k|; |sum_k s_k| would need every gradient entry (single weights in the signed form do have it).
// Cost: one backward pass for coarse and fine together; one accumulator of the size of the scored weights (two for mix).
#pragma once

#include <cstdint>

#include "core/config.h"
#include "algorithms/importance/gradient_rule.h"

namespace coppice {

struct TaylorConfig {
  static constexpr const char* kName = "taylor";
  enum class Order : std::uint8_t { kFirst, kSecond, kMix };
  Order order = Order::kFirst;
  enum class Weights : std::uint8_t { kOwn, kConsumers } weights = Weights::kOwn;  // of units
  void visit(FieldVisitor& v);
};

GradientRule rule_of(const TaylorConfig& config);

}  // namespace coppice
