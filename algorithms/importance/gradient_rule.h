// What tells the importance methods that need one backward pass apart.
#pragma once

namespace coppice {

// With P = sum_b w g_b and Q = sum_b (w g_b)^2 / n_b over micro-batches b of n_b samples, the salience of a weight is
//   s = first * P + second * Q
// and the coarse score of a vector |sum P|, or sum_b (sum w g_b)^2 / n_b (`squared_coarse`).
struct GradientRule {
  double first = 0.0;
  double second = 0.0;
  bool squared_coarse = false;
  bool is_signed = false;  // s keeps its sign: elements are summed, not made absolute
};

}  // namespace coppice
