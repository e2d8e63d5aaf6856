// Sizes computed from numbers that stand in a file: nullopt where they do not fit in 63 bits.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>

namespace coppice {

inline std::optional<std::int64_t> checked_product(std::span<const std::int64_t> factors) {
  std::int64_t product = 1;
  for (const std::int64_t factor : factors) {
    if (factor < 0 || __builtin_mul_overflow(product, factor, &product)) return std::nullopt;
  }
  return product;
}

inline std::optional<std::int64_t> checked_sum(std::initializer_list<std::optional<std::int64_t>> terms) {
  std::int64_t sum = 0;
  for (const std::optional<std::int64_t>& term : terms) {
    if (!term || *term < 0 || __builtin_add_overflow(sum, *term, &sum)) return std::nullopt;
  }
  return sum;
}

}  // namespace coppice
