#include "models/distillation_kernels.h"

#include <algorithm>
#include <cmath>

#include "core/clones.h"
#include "models/brain_float.h"
#include "models/exponential.h"
#include "models/lanes.h"

namespace coppice {
namespace {

constexpr std::int64_t kBlock = 512;  // terms of a float sum, before it goes into a double

// Sums over a stretch of at most kBlock logits: exp(x), exp(x / T), exp(y / T), and exp(y / T) (y - x), all below the largest.
struct Sums {
  double plain = 0.0, cooled = 0.0, teacher = 0.0, gap = 0.0;
};

template <class T>
[[gnu::always_inline]] inline void add_terms(const T* x, const T* y, std::int64_t count, float largest, float teacher_largest,
                                             float cooling, Sums& sums) {
  float plain[kLanes] = {}, cooled[kLanes] = {}, teacher[kLanes] = {}, gap[kLanes] = {};
  const auto add = [&](std::int64_t i, std::int64_t lane) {
    const float below = widened(x[i]) - largest, teacher_below = widened(y[i]) - teacher_largest;
    const float chance = exponential(cooling * teacher_below);
    plain[lane] += exponential(below);
    cooled[lane] += exponential(cooling * below);
    teacher[lane] += chance;
    gap[lane] += chance * (teacher_below - below);
  };
  const std::int64_t whole = count / kLanes * kLanes;
  for (std::int64_t i = 0; i < whole; i += kLanes) {
    for (std::int64_t l = 0; l < kLanes; ++l) add(i + l, l);
  }
  for (std::int64_t i = whole; i < count; ++i) add(i, i - whole);
  for (std::int64_t l = 0; l < kLanes; ++l) {
    sums.plain += static_cast<double>(plain[l]);
    sums.cooled += static_cast<double>(cooled[l]);
    sums.teacher += static_cast<double>(teacher[l]);
    sums.gap += static_cast<double>(gap[l]);
  }
}

template <class T>
[[gnu::always_inline]] inline DistilledRow row_of(const T* x, const T* y, std::int64_t count, float cooling) {
  const float largest = largest_of(x, count), teacher_largest = largest_of(y, count);
  Sums sums;
  for (std::int64_t start = 0; start < count; start += kBlock) {
    add_terms(x + start, y + start, std::min(kBlock, count - start), largest, teacher_largest, cooling, sums);
  }
  const double cooled = std::log(sums.cooled), teacher = std::log(sums.teacher);
  return {{largest, static_cast<float>(std::log(sums.plain))},
          static_cast<float>(cooled),
          teacher_largest,
          static_cast<float>(teacher),
          static_cast<float>(cooled - teacher + static_cast<double>(cooling) * sums.gap / sums.teacher)};
}

template <class T>
[[gnu::always_inline]] inline void gradient_of(const T* __restrict x, const T* __restrict y, std::int64_t count, const DistilledRow& row,
                                               std::int64_t target, float hard, float soft, float cooling, T* __restrict out) {
  const float largest = row.student.largest, log_sum = row.student.log_sum, cooled_log_sum = row.cooled_log_sum;
  const float teacher_largest = row.teacher_largest, teacher_log_sum = row.teacher_cooled_log_sum;
  const auto value = [=](float student, float teacher, float truth) {
    const float below = student - largest, teacher_below = teacher - teacher_largest;
    return hard * (exponential(below - log_sum) - truth) +
           soft * (exponential(cooling * below - cooled_log_sum) - exponential(cooling * teacher_below - teacher_log_sum));
  };
  for (std::int64_t i = 0; i < count; ++i) narrow_to(out[i], value(widened(x[i]), widened(y[i]), 0.0F));
  narrow_to(out[target], value(widened(x[target]), widened(y[target]), 1.0F));
}

}  // namespace

COPPICE_CLONES DistilledRow distilled_row(const float* x, const float* y, std::int64_t count, float cooling) {
  return row_of(x, y, count, cooling);
}

COPPICE_CLONES DistilledRow distilled_row(const std::uint16_t* x, const std::uint16_t* y, std::int64_t count, float cooling) {
  return row_of(x, y, count, cooling);
}

COPPICE_CLONES void distilled_gradient(const float* x, const float* y, std::int64_t count, const DistilledRow& row, std::int64_t target,
                                       float hard, float soft, float cooling, float* out) {
  gradient_of(x, y, count, row, target, hard, soft, cooling, out);
}

COPPICE_CLONES void distilled_gradient(const std::uint16_t* x, const std::uint16_t* y, std::int64_t count, const DistilledRow& row,
                                       std::int64_t target, float hard, float soft, float cooling, std::uint16_t* out) {
  gradient_of(x, y, count, row, target, hard, soft, cooling, out);
}

}  // namespace coppice
