#include "algorithms/aggregation/fednova.h"

#include <cmath>

#include "core/error.h"

namespace coppice {

double effective_steps(const OptimizerConfig& optimizer, std::int64_t steps) {
  const auto* sgd = std::get_if<SgdConfig>(&optimizer);
  if (sgd == nullptr) throw Error("fednova: an adaptive optimizer has no number of effective steps");
  const double tau = static_cast<double>(steps);
  const double rho = sgd->momentum;
  if (rho == 0.0) return tau;
  double power = 1.0;  // rho^tau without a library's pow, whose last bit is its own
  for (std::int64_t step = 0; step < steps; ++step) power *= rho;
  return (tau - rho * (1.0 - power) / (1.0 - rho)) / (1.0 - rho);
}

}  // namespace coppice
