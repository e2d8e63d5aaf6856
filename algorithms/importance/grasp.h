// GraSP: what a weight does for the flow of gradients.
//
// Wang, Zhang & Grosse, "Picking winning tickets before training by preserving gradient flow", ICLR 2020, eq. 8 and its published code: with g the
// gradient of the loss and H its Hessian, removing weight i changes |g|^2 by about -2 theta_i (H g)_i, so that
//   s_i = theta_i (H g)_i
// is worth keeping where it is large; s has a sign. Clients' numerators add up; the coordinator subtracts the least, so that scores start at 0.
//
// H g is a central difference along g over the same batches,
//   H g = |g| (grad(theta + e u) - grad(theta - e u)) / (2 e),   u = g / |g|,  e = step * |theta|,
// instead of a second derivative: three passes of first order, no graph of a graph, and kernels of any kind.
// Deviations: batch norms in eval mode as for every score here; logits are not divided by a temperature of 200.
// Single weights alone. Cost: three backward passes and three vectors of the model's size at a client.
#pragma once

#include <map>
#include <vector>

#include "algorithms/importance/gradient_rule.h"
#include "core/config.h"

namespace coppice {

struct GraspConfig {
  static constexpr const char* kName = "grasp";
  double step = 1e-3;
  void visit(FieldVisitor& v);
};

GradientRule rule_of(const GraspConfig& config);

// Signed sums to scores from 0 on, over all matrices.
void start_at_zero(std::map<int, std::vector<float>>& scores);

}  // namespace coppice
