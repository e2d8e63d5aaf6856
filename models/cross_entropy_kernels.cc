#include "models/cross_entropy_kernels.h"

#include <algorithm>
#include <cmath>

#include "core/clones.h"
#include "models/brain_float.h"
#include "models/exponential.h"
#include "models/lanes.h"

namespace coppice {
namespace {

constexpr std::int64_t kBlock = 512;  // terms of a float sum, before it goes into a double

template <class T>
[[gnu::always_inline]] inline LogSumExp log_sum_exp_of(const T* x, std::int64_t count) {
  const float largest = largest_of(x, count);
  const std::int64_t whole = count / kLanes * kLanes;
  double sum = 0.0;
  for (std::int64_t start = 0; start < whole; start += kBlock) {
    float sums[kLanes] = {};
    for (std::int64_t i = start; i < std::min(whole, start + kBlock); i += kLanes) {
      for (std::int64_t l = 0; l < kLanes; ++l) sums[l] += exponential(widened(x[i + l]) - largest);
    }
    for (const float s : sums) sum += static_cast<double>(s);
  }
  for (std::int64_t i = whole; i < count; ++i) sum += static_cast<double>(exponential(widened(x[i]) - largest));
  return {largest, static_cast<float>(std::log(sum))};
}

template <class T>
[[gnu::always_inline]] inline void gradient_of(const T* __restrict x, std::int64_t count, LogSumExp normaliser, std::int64_t target,
                                               float scale, T* __restrict out) {
  const float largest = normaliser.largest, log_sum = normaliser.log_sum;
  for (std::int64_t i = 0; i < count; ++i) narrow_to(out[i], scale * exponential(widened(x[i]) - largest - log_sum));
  narrow_to(out[target], scale * (exponential(widened(x[target]) - largest - log_sum) - 1.0F));
}

}  // namespace

COPPICE_CLONES LogSumExp log_sum_exp(const float* x, std::int64_t count) { return log_sum_exp_of(x, count); }

COPPICE_CLONES LogSumExp log_sum_exp(const std::uint16_t* x, std::int64_t count) { return log_sum_exp_of(x, count); }

COPPICE_CLONES void cross_entropy_gradient(const float* __restrict x, std::int64_t count, LogSumExp normaliser, std::int64_t target,
                                           float scale, float* __restrict out) {
  gradient_of(x, count, normaliser, target, scale, out);
}

COPPICE_CLONES void cross_entropy_gradient(const std::uint16_t* __restrict x, std::int64_t count, LogSumExp normaliser,
                                           std::int64_t target, float scale, std::uint16_t* __restrict out) {
  gradient_of(x, count, normaliser, target, scale, out);
}

}  // namespace coppice
