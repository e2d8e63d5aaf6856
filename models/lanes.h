// Running values side by side, for loops over floats that the compiler may vectorize without reassociating what the source says.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "models/brain_float.h"

namespace coppice {

constexpr std::int64_t kLanes = 16;

// Of `count` floats or bfloat16 bits; -infinity of none. Inlined, so that it is compiled for its caller's instruction set.
template <class T>
[[gnu::always_inline]] inline float largest_of(const T* x, std::int64_t count) {
  float most[kLanes];
  std::fill_n(most, kLanes, -std::numeric_limits<float>::infinity());
  const std::int64_t whole = count / kLanes * kLanes;
  for (std::int64_t i = 0; i < whole; i += kLanes) {
    for (std::int64_t l = 0; l < kLanes; ++l) most[l] = widened(x[i + l]) > most[l] ? widened(x[i + l]) : most[l];
  }
  for (std::int64_t i = whole; i < count; ++i) most[0] = std::max(most[0], widened(x[i]));
  return *std::max_element(most, most + kLanes);
}

// sum_i term(i) for i < count: floats side by side, these added up in double.
template <class Term>
[[gnu::always_inline]] inline double sum_of(std::int64_t count, const Term& term) {
  float lanes[kLanes] = {};
  const std::int64_t whole = count / kLanes * kLanes;
  for (std::int64_t i = 0; i < whole; i += kLanes) {
    for (std::int64_t l = 0; l < kLanes; ++l) lanes[l] += term(i + l);
  }
  for (std::int64_t i = whole; i < count; ++i) lanes[i - whole] += term(i);
  double sum = 0.0;
  for (const float lane : lanes) sum += static_cast<double>(lane);
  return sum;
}

}  // namespace coppice
