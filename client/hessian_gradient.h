// H g, the Hessian of a client's loss times its gradient, from three passes over the same batches (algorithms/importance/grasp.h).
#pragma once

#include <functional>

#include "algorithms/training/replica.h"

namespace coppice {

// The gradient of a client's mean loss at the weights of `state`; empty where it has no samples.
using GradientAt = std::function<Arena(const std::shared_ptr<const ModelState>& state)>;

// H g at `state`; all zero where g is. `step`: of the difference, as a fraction of the weights' norm.
Arena hessian_gradient(const std::shared_ptr<const ModelState>& state, double step, const GradientAt& gradient_at);

}  // namespace coppice
