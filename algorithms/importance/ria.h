// RIA: a weight's magnitude relative to its row and its column, times a root of the norm of the inputs it meets.
//
// Relative importance and activations (Zhang et al., ICLR 2024, eq. 3 and 4):
//   (|W_ij| / sum_i |W_ij| + |W_ij| / sum_j |W_ij|) ||x_j||^power,  power = 1/2
// so that no whole column of a matrix is dropped, as |W_ij| ||x_j|| may. Matrix columns, input norms, what travels and the scores of
// units are those of activation importance (activation.h), with this value in place of |W_ij| ||x_j||; scored parameters that no matrix
// product uses (biases, norms) count nothing. The paper's permutation of channels for n:m is not part of the score.
#pragma once

#include "algorithms/importance/activation_rule.h"
#include "core/config.h"

namespace coppice {

struct RiaConfig {
  static constexpr const char* kName = "ria";
  double power = 0.5;
  void visit(FieldVisitor& v);
};

ActivationRule activation_rule_of(const RiaConfig& config);

}  // namespace coppice
