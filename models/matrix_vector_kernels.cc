#include "models/matrix_vector_kernels.h"

#include "core/clones.h"
#include "models/brain_float.h"
#include "models/lanes.h"

namespace coppice {
namespace {

template <class T>
[[gnu::always_inline]] inline float dot(const T* __restrict w, const float* __restrict x, std::int64_t width) {
  float lanes[kLanes] = {};
  const std::int64_t whole = width / kLanes * kLanes;
  for (std::int64_t i = 0; i < whole; i += kLanes) {
    for (std::int64_t l = 0; l < kLanes; ++l) lanes[l] += widened(w[i + l]) * x[i + l];
  }
  for (std::int64_t i = whole; i < width; ++i) lanes[i - whole] += widened(w[i]) * x[i];
  for (std::int64_t half = kLanes / 2; half > 0; half /= 2) {
    for (std::int64_t l = 0; l < half; ++l) lanes[l] += lanes[l + half];
  }
  return lanes[0];
}

// One by one, which is how memory is read fastest.
template <class T>
[[gnu::always_inline]] inline void rows_of(const T* __restrict w, const float* __restrict x, std::int64_t rows, std::int64_t width,
                                           T* __restrict y) {
  for (std::int64_t r = 0; r < rows; ++r, w += width) narrow_to(y[r], dot(w, x, width));
}

}  // namespace

COPPICE_CLONES void matrix_vector(const float* w, const float* x, std::int64_t rows, std::int64_t width, float* y) {
  rows_of(w, x, rows, width, y);
}

COPPICE_CLONES void matrix_vector(const std::uint16_t* w, const float* x, std::int64_t rows, std::int64_t width, std::uint16_t* y) {
  rows_of(w, x, rows, width, y);
}

}  // namespace coppice
