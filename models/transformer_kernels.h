// Element-wise parts of a transformer over flat memory: float, or bfloat16 as its bits in a uint16_t; arithmetic in float. No torch.
#pragma once

#include <cstdint>

namespace coppice {

// y_i = silu(a_i) b_i, silu(a) = a / (1 + exp(-a))
void gated_silu_forward(const float* a, const float* b, std::int64_t count, float* y);
void gated_silu_forward(const std::uint16_t* a, const std::uint16_t* b, std::int64_t count, std::uint16_t* y);

// Gradients with respect to a and b from g, that with respect to y.
void gated_silu_backward(const float* g, const float* a, const float* b, std::int64_t count, float* a_gradient, float* b_gradient);
void gated_silu_backward(const std::uint16_t* g, const std::uint16_t* a, const std::uint16_t* b, std::int64_t count,
                         std::uint16_t* a_gradient, std::uint16_t* b_gradient);

// One token's heads, each 2 * pairs values: (x_i, x_{i + pairs}) turned by the angle with this cos_i and direction * sin_i.
void rotate(const float* x, std::int64_t heads, std::int64_t pairs, const float* cos, const float* sin, float direction, float* y);
void rotate(const std::uint16_t* x, std::int64_t heads, std::int64_t pairs, const float* cos, const float* sin, float direction,
            std::uint16_t* y);

}  // namespace coppice
