#include "models/attention_kernels.h"

#include <algorithm>
#include <cmath>

#include "core/clones.h"
#include "models/brain_float.h"
#include "models/exponential.h"
#include "models/lanes.h"

namespace coppice {

COPPICE_CLONES LogSumExp softmax(std::uint16_t* __restrict x, std::int64_t visible, std::int64_t width, float* __restrict room) {
  const float largest = largest_of(x, visible);
  for (std::int64_t i = 0; i < visible; ++i) room[i] = exponential(widened(x[i]) - largest);
  const auto sum = static_cast<float>(sum_of(visible, [room](std::int64_t i) { return room[i]; }));
  const float share = 1.0F / sum;
  for (std::int64_t i = 0; i < visible; ++i) narrow_to(x[i], room[i] * share);
  std::fill(x + visible, x + width, std::uint16_t{0});
  return {largest, std::log(sum)};
}

COPPICE_CLONES void softmax_again(std::uint16_t* x, std::int64_t visible, std::int64_t width, LogSumExp normaliser) {
  const float largest = normaliser.largest, log_sum = normaliser.log_sum;
  for (std::int64_t i = 0; i < visible; ++i) narrow_to(x[i], exponential(widened(x[i]) - largest - log_sum));
  std::fill(x + visible, x + width, std::uint16_t{0});
}

COPPICE_CLONES void softmax_slopes(const std::uint16_t* __restrict weights, std::int64_t width, float mean,
                                   std::uint16_t* __restrict slopes) {
  for (std::int64_t i = 0; i < width; ++i) narrow_to(slopes[i], widened(weights[i]) * (widened(slopes[i]) - mean));
}

COPPICE_CLONES float inner_product(const std::uint16_t* __restrict x, const std::uint16_t* __restrict y, std::int64_t width) {
  return static_cast<float>(sum_of(width, [x, y](std::int64_t i) { return widened(x[i]) * widened(y[i]); }));
}

}  // namespace coppice
