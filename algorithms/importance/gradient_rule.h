// What tells the importance methods that need one backward pass apart.
#pragma once

#include <cstdint>
#include <span>

#include "algorithms/importance/unit_vectors.h"

namespace coppice {

// What an importance from outside puts in the place of w g_b.
class GradientProduct {
 public:
  virtual ~GradientProduct() = default;
  // Adds the product of each weight w_i with its gradient g_i, of the loss summed over a micro-batch of `samples`, to sums_i.
  virtual void add(std::span<const float> w, std::span<const float> g, std::int64_t samples, std::span<float> sums) const = 0;
};

// With P = sum_b w g_b and Q = sum_b (w g_b)^2 / n_b over micro-batches b of n_b samples, the salience of a weight is
//   s = first * P + second * Q
// and the coarse score of a vector |sum P|, or sum_b (sum w g_b)^2 / n_b (`squared_coarse`).
struct GradientRule {
  double first = 0.0;
  double second = 0.0;
  bool squared_coarse = false;
  bool is_signed = false;  // s keeps its sign: elements are summed, not made absolute
  UnitVectors::Side side = UnitVectors::Side::kScored;  // of units
  const GradientProduct* product = nullptr;  // in the place of w g_b in P; null: w g_b itself. Outlives the rule
};

}  // namespace coppice
