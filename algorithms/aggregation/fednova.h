// FedNova (Wang et al., NeurIPS 2020, "Tackling the objective inconsistency problem", eq. 4 and table 1): clients that take more steps must
// not pull the average towards their own optimum.
//
//   d_k = (theta_k - theta) / a_k        theta += (sum_k p_k a_k) sum_k p_k d_k
//   a_k = tau                                                               plain SGD of tau steps
//       = (tau - rho (1 - rho^tau) / (1 - rho)) / (1 - rho)                 momentum rho
//
// Clients report weight * d_k and weight * a_k; both are sums. Where all take as many steps it is FedAvg. Known to diverge under strong skew
// of quantity (Li et al. 2022, NIID-Bench): federation.divergence rolls such rounds back.
#pragma once

#include <cstdint>

#include "algorithms/training/optimizer_config.h"

namespace coppice {

// a_k of a client that took `steps` steps, each clipped or not. Throws Error for adaptive optimizers, which have no such number.
double effective_steps(const OptimizerConfig& optimizer, std::int64_t steps);

}  // namespace coppice
