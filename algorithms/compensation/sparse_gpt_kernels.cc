#include "algorithms/compensation/sparse_gpt_kernels.h"

#include "core/clones.h"

namespace coppice {

COPPICE_CLONES void keep_n_of_m(const float* __restrict w_MR, ColumnFactor factor, std::int64_t n, std::int64_t m,
                                std::int64_t rows, float* __restrict kept_MR) {
  for (std::int64_t a = 0; a < m; ++a) {
    const float* wa = w_MR + a * rows;
    float* kept = kept_MR + a * rows;
    const float ua = 1.0F / (factor.u_CC[a * factor.stride + a] * factor.u_CC[a * factor.stride + a]);
    for (std::int64_t r = 0; r < rows; ++r) kept[r] = 0.0F;  // first the number of columns that come before this one
    for (std::int64_t b = 0; b < m; ++b) {
      if (a == b) continue;
      const float* wb = w_MR + b * rows;
      const float ub = 1.0F / (factor.u_CC[b * factor.stride + b] * factor.u_CC[b * factor.stride + b]);
      if (b < a) {
        for (std::int64_t r = 0; r < rows; ++r) kept[r] += wb[r] * wb[r] * ub >= wa[r] * wa[r] * ua ? 1.0F : 0.0F;
      } else {
        for (std::int64_t r = 0; r < rows; ++r) kept[r] += wb[r] * wb[r] * ub > wa[r] * wa[r] * ua ? 1.0F : 0.0F;
      }
    }
    const auto most = static_cast<float>(n);
    for (std::int64_t r = 0; r < rows; ++r) kept[r] = kept[r] < most ? 1.0F : 0.0F;
  }
}

COPPICE_CLONES void drop_column(float* __restrict w_CR, ColumnFactor factor, const float* __restrict kept_R, std::int64_t behind,
                                std::int64_t rows, float* __restrict error_R) {
  const float inverse = 1.0F / factor.u_CC[0];
  for (std::int64_t r = 0; r < rows; ++r) {
    error_R[r] = (1.0F - kept_R[r]) * w_CR[r] * inverse;
    w_CR[r] *= kept_R[r];
  }
  for (std::int64_t j = 1; j <= behind; ++j) {
    const float u = factor.u_CC[j];
    float* w_R = w_CR + j * rows;
    for (std::int64_t r = 0; r < rows; ++r) w_R[r] -= u * error_R[r];
  }
}

}  // namespace coppice
