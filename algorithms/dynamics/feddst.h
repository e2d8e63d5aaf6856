// FedDST (Bibikar et al., "Federated dynamic sparse training: computing less, communicating less, yet learning better", AAAI 2022,
// arXiv:2112.09824, Algorithm 1 and its published code): clients adjust masks of their own, and the coordinator unites them.
//
// Every `every` rounds before `until`, with a of each matrix from AdjustmentSchedule, a client that has trained drops its a smallest |theta_k,i|
// and grows its a largest |g_k,i| among dropped weights, and says which. The coordinator
//   V_i = share of the cohort (by weight) whose mask has i;  i is out where V_i <= min_share
// and keeps, of each matrix as many as before, those of largest |theta_i|; equal ones, as all grown weights at 0 are, by V_i, then the lower
// index. Where min_share lets too few in, the best of those left out are in as well.
//
// Deviations: theta_i is the mean over all clients, also over those that drop i, whose values are the smallest they have: the sum of a round
// stays that of its support. alpha enters once (the code multiplies it in twice), and growth is among dropped weights alone (the code's may
// choose kept ones). Grown weights are at 0 and so give way to any weight that a client keeps, as in the code; a min_share of one half makes
// it a vote. Cost for a client: one pass, 8 bytes a weight exchanged: positions alone.
#pragma once

#include <memory>

#include "algorithms/dynamics/mask_dynamics.h"

namespace coppice {

struct FedDstConfig : AdjustmentSchedule {
  static constexpr const char* kName = "feddst";
  FedDstConfig() { alpha = 0.5; }
  double min_share = 0.0;
  std::int64_t batch = 64;  // samples of the gradient
  void visit(FieldVisitor& v);
};

std::unique_ptr<MaskDynamics> make_dynamics(const FedDstConfig& config);

}  // namespace coppice
