// Activation: weights times the norm of the inputs they meet; forward passes only.
//
// Wanda (Sun et al., ICLR 2024, eq. 1): |W_ij| ||x_j||, ||x_j||^2 = sum over samples and positions of x_j^2. For a
// convolution j runs over the columns of its matrix product (input channel and kernel position, with its stride and
// padding), so that the norm is exactly that of what the weight is multiplied with. For a unit with scored vectors v:
//   fine   = sum_v sum_{ij in v} |W_ij| ||x_j||         coarse = sum_v (sum_{ij in v} W_ij^2 ||x_j||^2)^(1/2)
// with norms per sample. Scored parameters that no matrix product uses (biases, norms) count with input 1.
// Only sums of x_j^2 travel in the signed form: one number an input column, exact for pooled data.
// Deviation: all layers are observed in the dense model in one pass, not each after its predecessors were pruned.
#pragma once

#include "algorithms/importance/activation_rule.h"
#include "core/config.h"

namespace coppice {

struct ActivationConfig {
  static constexpr const char* kName = "activation";
  void visit(FieldVisitor& v);
};

ActivationRule activation_rule_of(const ActivationConfig& config);

}  // namespace coppice
