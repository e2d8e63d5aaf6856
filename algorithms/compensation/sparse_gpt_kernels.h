// The inner loops of SparseGPT over one tile: C columns of a matrix, transposed, by R of its rows. No torch.
#pragma once

#include <cstdint>

namespace coppice {

// What C columns know of each other: u_CC[i * stride + j], j >= i, of the upper Cholesky factor of the inverse of X^T X.
struct ColumnFactor {
  const float* u_CC;
  std::int64_t stride;
};

// kept_MR[a * rows + r] = 1 for the `n` of M columns with the largest w^2 / u_aa^2 of each row, else 0; of equal ones the earlier.
void keep_n_of_m(const float* w_MR, ColumnFactor factor, std::int64_t n, std::int64_t m, std::int64_t rows, float* kept_MR);

// Zeroes what is not kept of one column and takes its error out of the `behind` columns after it:
//   e = (1 - kept) w / u_00;  w_0 = kept w;  w_j -= u_0j e for 1 <= j <= behind
void drop_column(float* w_CR, ColumnFactor factor, const float* kept_R, std::int64_t behind, std::int64_t rows, float* error_R);

}  // namespace coppice
