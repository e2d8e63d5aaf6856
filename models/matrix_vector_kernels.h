// A matrix times a vector over flat memory: float, or bfloat16 as its bits in a uint16_t; arithmetic in float. No torch.
#pragma once

#include <cstdint>

namespace coppice {

// y_r = sum_i w_ri x_i for r < rows and i < width
void matrix_vector(const float* w, const float* x, std::int64_t rows, std::int64_t width, float* y);
void matrix_vector(const std::uint16_t* w, const float* x, std::int64_t rows, std::int64_t width, std::uint16_t* y);

}  // namespace coppice
