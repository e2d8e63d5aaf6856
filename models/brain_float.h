// bfloat16 as its bits: the upper half of a float.
#pragma once

#include <bit>
#include <cstdint>

namespace coppice {

inline float widened(float x) { return x; }
inline float widened(std::uint16_t x) { return std::bit_cast<float>(static_cast<std::uint32_t>(x) << 16); }

// Round to nearest even; a NaN stays one.
inline void narrow_to(float& out, float x) { out = x; }
inline void narrow_to(std::uint16_t& out, float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t rounded = (bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16;
  out = static_cast<std::uint16_t>(x != x ? 0x7fc0U : rounded);
}

}  // namespace coppice
