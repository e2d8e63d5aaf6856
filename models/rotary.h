// Rotary positions (Su et al. 2021, section 3.2): pairs are the halves of a head, (x_i, x_{i + D/2}) turned by t * base^(-2i / D). One
// pass forward and one backward, in float32 whatever x is, rounded once; keeps nothing of x.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace coppice {

// cos and sin of t * base^(-2i / head_dim) for t < tokens and i < head_dim / 2, float32.
struct RotaryTable {
  RotaryTable(std::int64_t tokens, std::int64_t head_dim, double base);
  at::Tensor cos_TP;
  at::Tensor sin_TP;
};

// x [B, T, H, D] at positions from `first` on, all in the table. Can be differentiated any number of times.
at::Tensor rotated(const at::Tensor& x_BTHD, const RotaryTable& table, std::int64_t first = 0);

}  // namespace coppice
