#include "models/transformer_kernels.h"

#include "core/clones.h"
#include "models/brain_float.h"
#include "models/exponential.h"

namespace coppice {
namespace {

// 1 / (1 + exp(-a)) without overflow.
[[gnu::always_inline]] inline float sigmoid(float a) {
  const float e = exponential(a < 0.0F ? a : -a);
  return (a < 0.0F ? e : 1.0F) / (1.0F + e);
}

template <class T>
[[gnu::always_inline]] inline void gated_silu_of(const T* __restrict a, const T* __restrict b, std::int64_t count, T* __restrict y) {
  for (std::int64_t i = 0; i < count; ++i) narrow_to(y[i], widened(a[i]) * sigmoid(widened(a[i])) * widened(b[i]));
}

// d silu(a) / da = s (1 + a (1 - s)) with s = sigmoid(a)
template <class T>
[[gnu::always_inline]] inline void gated_silu_gradients(const T* __restrict g, const T* __restrict a, const T* __restrict b,
                                                        std::int64_t count, T* __restrict a_gradient, T* __restrict b_gradient) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float x = widened(a[i]), s = sigmoid(x), upper = widened(g[i]);
    narrow_to(a_gradient[i], upper * widened(b[i]) * s * (1.0F + x * (1.0F - s)));
    narrow_to(b_gradient[i], upper * x * s);
  }
}

template <class T>
[[gnu::always_inline]] inline void rotate_heads(const T* __restrict x, std::int64_t heads, std::int64_t pairs,
                                                const float* __restrict cos, const float* __restrict sin, float direction,
                                                T* __restrict y) {
  for (std::int64_t h = 0; h < heads; ++h, x += 2 * pairs, y += 2 * pairs) {
    for (std::int64_t i = 0; i < pairs; ++i) {
      const float first = widened(x[i]), second = widened(x[i + pairs]), turn = direction * sin[i];
      narrow_to(y[i], first * cos[i] - second * turn);
      narrow_to(y[i + pairs], second * cos[i] + first * turn);
    }
  }
}

}  // namespace

COPPICE_CLONES void gated_silu_forward(const float* a, const float* b, std::int64_t count, float* y) { gated_silu_of(a, b, count, y); }

COPPICE_CLONES void gated_silu_forward(const std::uint16_t* a, const std::uint16_t* b, std::int64_t count, std::uint16_t* y) {
  gated_silu_of(a, b, count, y);
}

COPPICE_CLONES void gated_silu_backward(const float* g, const float* a, const float* b, std::int64_t count, float* a_gradient,
                                        float* b_gradient) {
  gated_silu_gradients(g, a, b, count, a_gradient, b_gradient);
}

COPPICE_CLONES void gated_silu_backward(const std::uint16_t* g, const std::uint16_t* a, const std::uint16_t* b, std::int64_t count,
                                        std::uint16_t* a_gradient, std::uint16_t* b_gradient) {
  gated_silu_gradients(g, a, b, count, a_gradient, b_gradient);
}

COPPICE_CLONES void rotate(const float* x, std::int64_t heads, std::int64_t pairs, const float* cos, const float* sin, float direction,
                           float* y) {
  rotate_heads(x, heads, pairs, cos, sin, direction, y);
}

COPPICE_CLONES void rotate(const std::uint16_t* x, std::int64_t heads, std::int64_t pairs, const float* cos, const float* sin,
                           float direction, std::uint16_t* y) {
  rotate_heads(x, heads, pairs, cos, sin, direction, y);
}

}  // namespace coppice
