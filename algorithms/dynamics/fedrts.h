// FedRTS (Huang et al., "FedRTS: federated robust pruning via combinatorial Thompson sampling", NeurIPS 2025, arXiv:2501.19122, section 4):
// the mask is drawn from what is believed of every weight, and beliefs come from votes.
//
// Every weight i has Beta(a_i, b_i), at first (1, 1). With n kept weights in a matrix, k of AdjustmentSchedule and kappa = n - k, each round
// gives every kept weight
//   x_i = (1 - gamma) 1[i in top-kappa of |theta|] + gamma sum_k p_k 1[i in top-kappa of |theta_k|]
// and the round of an adjustment every dropped one
//   x_i = (1 - gamma) / 2 + gamma sum_k p_k 1[i in client k's k largest |g| among dropped weights]
// and each of them moves its belief: a_i += lambda x_i, b_i += lambda (1 - x_i). An adjustment draws s_i ~ Beta(a_i, b_i) for all weights and
// keeps the n largest; equal draws: the lower index.
//
// After the paper; the published code keeps beliefs of being dropped instead, forgets them at every adjustment, and lets every client send
// its weights for the coordinator to rank. Here clients rank their own and send the positions of their k smallest: votes are sums.
// State: two dense vectors. Cost for a client: 4 k bytes a round until `until`, in an adjustment 8 k and one pass.
#pragma once

#include <memory>

#include "algorithms/dynamics/mask_dynamics.h"

namespace coppice {

struct FedRtsConfig : AdjustmentSchedule {
  static constexpr const char* kName = "fedrts";
  FedRtsConfig() { alpha = 0.2; }
  double gamma = 0.5;
  double lambda = 10.0;
  std::int64_t batch = 64;  // samples of the gradient
  void visit(FieldVisitor& v);
};

std::unique_ptr<MaskDynamics> make_dynamics(const FedRtsConfig& config);

}  // namespace coppice
