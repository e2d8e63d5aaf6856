// SparseGPT: weights are dropped column after column, and the columns behind take over what each drop costs.
//
// Frantar & Alistarh, ICML 2023, Algorithm 1. With H = X^T X over all inputs X_NI of a matrix W_OI, summed over clients, and U the upper
// Cholesky factor of (H + damping mean(diag H) I)^-1:
//   for column i:  e = (w_i - kept w_i) / U_ii;  W_:j -= e U_ij for all j > i
//   kept: n:m           at each m-th column, the n largest w^2 / U_ii^2 of the next m, of each row
//         unstructured  at each block of columns, the largest w^2 / U_ii^2 of all rows, as many as make up the quota's share
//         r x c         the same of pieces, by their means
// Inputs that are always zero (H_ii = 0) lose their weights. Deviations: U comes as the inverse of the Cholesky factor of H taken from
// its last row up, in float64; no product with a step's error leaves the cache: a block's columns lie transposed, by tiles of rows.
// Cost: I^3 for the factor, O I^2 / 2 multiply-adds in float32 for a matrix; O I columns / 2 of them in the tiles.
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "algorithms/compensation/compensation_config.h"
#include "algorithms/masking/pattern.h"
#include "models/bits.h"

namespace coppice {

// Of one input; matrices that share it share this.
struct InverseFactor {
  at::Tensor u_II;     // float32, upper
  at::Tensor dead_I;   // bool
};

// `h_II`: float64, symmetric, overwritten. Throws InputError where it is not positive definite even with damping.
InverseFactor inverse_factor(at::Tensor h_II, double damping);

// Prunes `w_OI` (float32, contiguous) in place and says what was kept, row-major. `quota`: weights to keep; not used by n:m.
Bits sparse_gpt(const at::Tensor& w_OI, const InverseFactor& factor, const Pattern& pattern, std::int64_t quota, std::int64_t columns);

}  // namespace coppice
