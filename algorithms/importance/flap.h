// FLAP: how much what a unit puts out varies, times the weights that take it in; forward passes only.
//
// Fluctuation-based adaptive structured pruning (An et al., AAAI 2024, eq. 3 to 5). With x_j the input of column j, W its weights and n
// the rows of the matrix product over all samples (tokens, positions of an image):
//   WIFV_j = Var(x_j) ||W_:j||^2,   Var(x_j) = (sum x_j^2 - (sum x_j)^2 / n) / (n - 1)
//   score of a unit = exp(z),  z = (sum_j WIFV_j - mean) / standard deviation, over the units of its family
// j runs over the columns that take in what the unit puts out: of down_proj for a neuron, of o_proj for a key and value head with all its
// query heads. Single weights: |W_ij| Var(x_j)^(1/2).
// What a constant output contributes can be moved into a bias; `prune.compensation: bias` does (algorithms/compensation/bias.h).
// Deviations: the exponential keeps the paper's order and makes scores positive, so that a budget's exponent p takes from z p times the log
// of what a unit saves (0: the paper's single threshold); all layers are observed in the dense model. Coarse and fine are the same.
// Only sums of x, of x^2 and of positions travel in the signed form: exact for pooled data.
#pragma once

#include "algorithms/importance/activation_rule.h"
#include "core/config.h"

namespace coppice {

struct FlapConfig {
  static constexpr const char* kName = "flap";
  void visit(FieldVisitor& v);
};

ActivationRule activation_rule_of(const FlapConfig& config);

}  // namespace coppice
