#include "client/hessian_gradient.h"

#include <cmath>

namespace coppice {
namespace {

std::shared_ptr<const ModelState> moved(const ModelState& state, const Arena& along, float factor) {
  ModelState next = state.clone();
  const auto w = next.base.floats();
  const auto u = along.floats();
  for (std::size_t i = 0; i < w.size(); ++i) w[i] += factor * u[i];
  return std::make_shared<const ModelState>(std::move(next));
}

}  // namespace

Arena hessian_gradient(const std::shared_ptr<const ModelState>& state, double step, const GradientAt& gradient_at) {
  const Arena gradient = gradient_at(state);
  const double norm = std::sqrt(gradient.squared_norm());
  if (!(norm > 0.0) || !std::isfinite(norm)) return gradient.clone();
  const double distance = step * std::sqrt(state->base.squared_norm());
  const auto factor = static_cast<float>(distance / norm);
  Arena result = gradient_at(moved(*state, gradient, factor));
  const Arena behind = gradient_at(moved(*state, gradient, -factor));
  const auto ahead = result.floats();
  const auto other = behind.floats();
  const auto scale = static_cast<float>(norm / (2.0 * distance));
  for (std::size_t i = 0; i < ahead.size(); ++i) ahead[i] = scale * (ahead[i] - other[i]);
  return result;
}

}  // namespace coppice
