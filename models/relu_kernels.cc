#include "models/relu_kernels.h"

#include "core/clones.h"
#include "models/brain_float.h"

namespace coppice {
namespace {

// The bits of a bfloat16 that is positive, or NaN of either sign: what processors make of 0/0 has the sign set.
[[gnu::always_inline]] inline bool passes(std::uint16_t x) {
  return static_cast<std::int16_t>(x) > 0 || (x & 0x7fffU) > 0x7f80U;
}

}  // namespace

COPPICE_CLONES void relu_forward(const float* __restrict x, std::int64_t count, float* __restrict y) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = x[i] <= 0.0F ? 0.0F : x[i];
}

COPPICE_CLONES void relu_forward(const std::uint16_t* __restrict x, std::int64_t count, std::uint16_t* __restrict y) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = passes(x[i]) ? x[i] : std::uint16_t{0};
}

COPPICE_CLONES void add_relu_forward(const float* __restrict a, const float* __restrict b, std::int64_t count,
                                     float* __restrict y) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float sum = a[i] + b[i];
    y[i] = sum <= 0.0F ? 0.0F : sum;
  }
}

COPPICE_CLONES void add_relu_forward(const std::uint16_t* __restrict a, const std::uint16_t* __restrict b,
                                     std::int64_t count, std::uint16_t* __restrict y) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float sum = widened(a[i]) + widened(b[i]);
    narrow_to(y[i], sum <= 0.0F ? 0.0F : sum);
  }
}

COPPICE_CLONES void relu_gradient(const float* __restrict g, const float* __restrict y, std::int64_t count,
                                  float* __restrict out) {
  for (std::int64_t i = 0; i < count; ++i) out[i] = y[i] <= 0.0F ? 0.0F : g[i];
}

COPPICE_CLONES void relu_gradient(const std::uint16_t* __restrict g, const std::uint16_t* __restrict y,
                                  std::int64_t count, std::uint16_t* __restrict out) {
  for (std::int64_t i = 0; i < count; ++i) out[i] = passes(y[i]) ? g[i] : std::uint16_t{0};
}

}  // namespace coppice
