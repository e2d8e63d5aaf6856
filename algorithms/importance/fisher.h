// Fisher: expected squared effect of removing weights, from squared gradients.
//
// Elements and fine (Theis et al. 2018, eq. 6; the diagonal of optimal brain damage): w_i^2 sum_b g_{b,i}^2 / n_b.
// Coarse (group Fisher: Liu et al., ICML 2021, eq. 7): sum_v sum_b (sum_{i in v} w_i g_{b,i})^2 / n_b, the square of
// the gradient of a gate on the whole vector.
// b runs over micro-batches of n_b samples; the papers' single samples are micro-batches of 1, larger ones assume
// uncorrelated samples. Both are sums over samples, hence exact in a federation in either form. Constant factors are
// dropped. Cost: one backward pass; one accumulator of the size of the scored weights.
#pragma once

#include "core/config.h"
#include "algorithms/importance/gradient_rule.h"

namespace coppice {

struct FisherConfig {
  static constexpr const char* kName = "fisher";
  void visit(FieldVisitor& v);
};

GradientRule rule_of(const FisherConfig& config);

}  // namespace coppice
