#include "models/rms_norm_kernels.h"

#include <algorithm>
#include <cmath>

#include "core/clones.h"
#include "models/brain_float.h"
#include "models/lanes.h"

namespace coppice {
namespace {

template <class T>
[[gnu::always_inline]] inline void forward(const T* __restrict x, const T* __restrict gamma, std::int64_t rows, std::int64_t width,
                                           double eps, T* __restrict y, float* __restrict roots) {
  for (std::int64_t n = 0; n < rows; ++n, x += width, y += width) {
    const double squares = sum_of(width, [x](std::int64_t i) { return widened(x[i]) * widened(x[i]); });
    const auto root = static_cast<float>(1.0 / std::sqrt(squares / static_cast<double>(width) + eps));
    roots[n] = root;
    for (std::int64_t i = 0; i < width; ++i) narrow_to(y[i], widened(x[i]) * root * widened(gamma[i]));
  }
}

template <class T>
[[gnu::always_inline]] inline void backward(const T* __restrict g, const T* __restrict x, const T* __restrict gamma,
                                            const float* __restrict roots, std::int64_t rows, std::int64_t width,
                                            T* __restrict x_gradient, float* __restrict gamma_gradient) {
  std::fill_n(gamma_gradient, width, 0.0F);
  for (std::int64_t n = 0; n < rows; ++n, g += width, x += width, x_gradient += width) {
    const float root = roots[n];
    const double product = sum_of(width, [=](std::int64_t i) { return widened(g[i]) * widened(gamma[i]) * widened(x[i]); });
    const auto pull = static_cast<float>(product / static_cast<double>(width) * root * root * root);
    for (std::int64_t i = 0; i < width; ++i) {
      narrow_to(x_gradient[i], root * widened(gamma[i]) * widened(g[i]) - widened(x[i]) * pull);
      gamma_gradient[i] += widened(g[i]) * widened(x[i]) * root;
    }
  }
}

}  // namespace

COPPICE_CLONES void rms_norm_forward(const float* x, const float* gamma, std::int64_t rows, std::int64_t width, double eps, float* y,
                                     float* roots) {
  forward(x, gamma, rows, width, eps, y, roots);
}

COPPICE_CLONES void rms_norm_forward(const std::uint16_t* x, const std::uint16_t* gamma, std::int64_t rows, std::int64_t width,
                                     double eps, std::uint16_t* y, float* roots) {
  forward(x, gamma, rows, width, eps, y, roots);
}

COPPICE_CLONES void rms_norm_backward(const float* g, const float* x, const float* gamma, const float* roots, std::int64_t rows,
                                      std::int64_t width, float* x_gradient, float* gamma_gradient) {
  backward(g, x, gamma, roots, rows, width, x_gradient, gamma_gradient);
}

COPPICE_CLONES void rms_norm_backward(const std::uint16_t* g, const std::uint16_t* x, const std::uint16_t* gamma, const float* roots,
                                      std::int64_t rows, std::int64_t width, std::uint16_t* x_gradient,
                                      float* gamma_gradient) {
  backward(g, x, gamma, roots, rows, width, x_gradient, gamma_gradient);
}

}  // namespace coppice
