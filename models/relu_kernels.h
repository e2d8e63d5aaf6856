// ReLU over flat memory: float, or bfloat16 as its bits in a uint16_t. A NaN stays one. No torch.
#pragma once

#include <cstdint>

namespace coppice {

// y = max(x, 0)
void relu_forward(const float* x, std::int64_t count, float* y);
void relu_forward(const std::uint16_t* x, std::int64_t count, std::uint16_t* y);

// y = max(a + b, 0)
void add_relu_forward(const float* a, const float* b, std::int64_t count, float* y);
void add_relu_forward(const std::uint16_t* a, const std::uint16_t* b, std::int64_t count, std::uint16_t* y);

// out = g where y > 0 (or NaN), else 0
void relu_gradient(const float* g, const float* y, std::int64_t count, float* out);
void relu_gradient(const std::uint16_t* g, const std::uint16_t* y, std::int64_t count, std::uint16_t* out);

}  // namespace coppice
