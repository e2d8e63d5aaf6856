#include "models/channel_kernels.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "core/clones.h"
#include "models/brain_float.h"

namespace coppice {
namespace {

constexpr std::int64_t kVector = 16;
constexpr std::int64_t kLongRow = 128;        // elements, about
constexpr std::int64_t kRowsPerTotal = 32;    // long rows added up in float before they go into the double totals

// How many rows make one long row: a multiple of the vector length in elements, and long enough.
std::int64_t rows_together(std::int64_t channels) {
  const std::int64_t step = kVector / std::gcd(kVector, channels);
  return step * std::max<std::int64_t>(1, kLongRow / (step * channels));
}

// values_C once for each row of a long row.
std::vector<float> repeated(std::span<const float> values_C, std::int64_t times) {
  std::vector<float> out;
  out.reserve(values_C.size() * static_cast<std::size_t>(times));
  for (std::int64_t i = 0; i < times; ++i) out.insert(out.end(), values_C.begin(), values_C.end());
  return out;
}

// Two sums a lane, in float for a stretch of long rows, then in double.
class LaneTotals {
 public:
  explicit LaneTotals(std::int64_t lanes)
      : first(lanes, 0.0F), second(lanes, 0.0F), first_(lanes, 0.0), second_(lanes, 0.0) {}

  void flush() {
    for (std::size_t i = 0; i < first.size(); ++i) {
      first_[i] += first[i];
      second_[i] += second[i];
      first[i] = second[i] = 0.0F;
    }
  }
  void add_up(std::span<double> first_C, std::span<double> second_C) {
    flush();
    std::fill(first_C.begin(), first_C.end(), 0.0);
    std::fill(second_C.begin(), second_C.end(), 0.0);
    for (std::size_t i = 0; i < first_.size(); ++i) {
      first_C[i % first_C.size()] += first_[i];
      second_C[i % first_C.size()] += second_[i];
    }
  }

  std::vector<float> first;
  std::vector<float> second;

 private:
  std::vector<double> first_;
  std::vector<double> second_;
};

// Calls body(first element, number of elements) for each long row, the last one perhaps shorter.
template <class Body>
[[gnu::always_inline]] inline void for_each_long_row(RowsByChannels shape, std::int64_t lanes, Body&& body) {
  const std::int64_t total = shape.rows_N * shape.channels_C;
  for (std::int64_t begin = 0; begin < total; begin += lanes) body(begin, std::min(lanes, total - begin));
}

template <class T>
[[gnu::always_inline]] inline void moments(const T* x_NC, RowsByChannels shape, std::span<double> mean_C,
                                           std::span<double> var_C) {
  const std::int64_t together = rows_together(shape.channels_C), lanes = together * shape.channels_C;
  std::vector<float> first_row(static_cast<std::size_t>(shape.channels_C));
  for (std::int64_t c = 0; c < shape.channels_C; ++c) first_row[c] = widened(x_NC[c]);
  const std::vector<float> origin = repeated(first_row, together);
  LaneTotals totals(lanes);
  std::int64_t pending = 0;
  for_each_long_row(shape, lanes, [&](std::int64_t begin, std::int64_t count) [[gnu::always_inline]] {
    const T* __restrict x = x_NC + begin;
    const float* __restrict o = origin.data();
    float* __restrict sum = totals.first.data();
    float* __restrict squares = totals.second.data();
    for (std::int64_t i = 0; i < count; ++i) {
      const float d = widened(x[i]) - o[i];
      sum[i] += d;
      squares[i] += d * d;
    }
    if (++pending == kRowsPerTotal) {
      totals.flush();
      pending = 0;
    }
  });
  totals.add_up(mean_C, var_C);
  const auto rows = static_cast<double>(shape.rows_N);
  for (std::int64_t c = 0; c < shape.channels_C; ++c) {
    const double from_origin = mean_C[c] / rows;
    var_C[c] = std::max(0.0, var_C[c] / rows - from_origin * from_origin);
    mean_C[c] = first_row[c] + from_origin;
  }
}

template <class T>
[[gnu::always_inline]] inline void affine(const T* x_NC, RowsByChannels shape, std::span<const float> center_C,
                                          std::span<const float> scale_C, std::span<const float> shift_C, T* y_NC) {
  const std::int64_t together = rows_together(shape.channels_C);
  const std::vector<float> centers = repeated(center_C, together), scales = repeated(scale_C, together),
                           shifts = repeated(shift_C, together);
  for_each_long_row(shape, together * shape.channels_C, [&](std::int64_t begin, std::int64_t count) [[gnu::always_inline]] {
    const T* __restrict x = x_NC + begin;
    T* __restrict y = y_NC + begin;
    const float *__restrict center = centers.data(), *__restrict scale = scales.data(), *__restrict shift = shifts.data();
    for (std::int64_t i = 0; i < count; ++i) narrow_to(y[i], (widened(x[i]) - center[i]) * scale[i] + shift[i]);
  });
}

template <class T>
[[gnu::always_inline]] inline void gradient_sums(const T* g_NC, const T* x_NC, RowsByChannels shape,
                                                 std::span<const float> center_C, std::span<double> sum_C,
                                                 std::span<double> product_C) {
  const std::int64_t together = rows_together(shape.channels_C), lanes = together * shape.channels_C;
  const std::vector<float> centers = repeated(center_C, together);
  LaneTotals totals(lanes);
  std::int64_t pending = 0;
  for_each_long_row(shape, lanes, [&](std::int64_t begin, std::int64_t count) [[gnu::always_inline]] {
    const T *__restrict g = g_NC + begin, *__restrict x = x_NC + begin;
    const float* __restrict center = centers.data();
    float *__restrict sum = totals.first.data(), *__restrict product = totals.second.data();
    for (std::int64_t i = 0; i < count; ++i) {
      const float gradient = widened(g[i]);
      sum[i] += gradient;
      product[i] += gradient * (widened(x[i]) - center[i]);
    }
    if (++pending == kRowsPerTotal) {
      totals.flush();
      pending = 0;
    }
  });
  totals.add_up(sum_C, product_C);
}

template <class T>
[[gnu::always_inline]] inline void gradient(const T* g_NC, const T* x_NC, RowsByChannels shape,
                                            std::span<const float> scale_C, std::span<const float> center_C,
                                            std::span<const float> slope_C, std::span<const float> offset_C, T* out_NC) {
  const std::int64_t together = rows_together(shape.channels_C);
  const std::vector<float> scales = repeated(scale_C, together), centers = repeated(center_C, together),
                           slopes = repeated(slope_C, together), offsets = repeated(offset_C, together);
  for_each_long_row(shape, together * shape.channels_C, [&](std::int64_t begin, std::int64_t count) [[gnu::always_inline]] {
    const T *__restrict g = g_NC + begin, *__restrict x = x_NC + begin;
    T* __restrict out = out_NC + begin;
    const float *__restrict scale = scales.data(), *__restrict center = centers.data(), *__restrict slope = slopes.data(),
                *__restrict offset = offsets.data();
    for (std::int64_t i = 0; i < count; ++i) {
      narrow_to(out[i], widened(g[i]) * scale[i] + (widened(x[i]) - center[i]) * slope[i] + offset[i]);
    }
  });
}

}  // namespace

COPPICE_CLONES void channel_moments(const float* x_NC, RowsByChannels shape, std::span<double> mean_C,
                                    std::span<double> var_C) {
  moments(x_NC, shape, mean_C, var_C);
}

COPPICE_CLONES void channel_moments(const std::uint16_t* x_NC, RowsByChannels shape, std::span<double> mean_C,
                                    std::span<double> var_C) {
  moments(x_NC, shape, mean_C, var_C);
}

COPPICE_CLONES void channel_affine(const float* x_NC, RowsByChannels shape, std::span<const float> center_C,
                                   std::span<const float> scale_C, std::span<const float> shift_C, float* y_NC) {
  affine(x_NC, shape, center_C, scale_C, shift_C, y_NC);
}

COPPICE_CLONES void channel_affine(const std::uint16_t* x_NC, RowsByChannels shape, std::span<const float> center_C,
                                   std::span<const float> scale_C, std::span<const float> shift_C, std::uint16_t* y_NC) {
  affine(x_NC, shape, center_C, scale_C, shift_C, y_NC);
}

COPPICE_CLONES void channel_gradient_sums(const float* g_NC, const float* x_NC, RowsByChannels shape,
                                          std::span<const float> center_C, std::span<double> sum_C,
                                          std::span<double> product_C) {
  gradient_sums(g_NC, x_NC, shape, center_C, sum_C, product_C);
}

COPPICE_CLONES void channel_gradient_sums(const std::uint16_t* g_NC, const std::uint16_t* x_NC, RowsByChannels shape,
                                          std::span<const float> center_C, std::span<double> sum_C,
                                          std::span<double> product_C) {
  gradient_sums(g_NC, x_NC, shape, center_C, sum_C, product_C);
}

COPPICE_CLONES void channel_gradient(const float* g_NC, const float* x_NC, RowsByChannels shape,
                                     std::span<const float> scale_C, std::span<const float> center_C,
                                     std::span<const float> slope_C, std::span<const float> offset_C, float* out_NC) {
  gradient(g_NC, x_NC, shape, scale_C, center_C, slope_C, offset_C, out_NC);
}

COPPICE_CLONES void channel_gradient(const std::uint16_t* g_NC, const std::uint16_t* x_NC, RowsByChannels shape,
                                     std::span<const float> scale_C, std::span<const float> center_C,
                                     std::span<const float> slope_C, std::span<const float> offset_C,
                                     std::uint16_t* out_NC) {
  gradient(g_NC, x_NC, shape, scale_C, center_C, slope_C, offset_C, out_NC);
}

}  // namespace coppice
