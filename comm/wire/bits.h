// Bit strings as Layout::kBitmap packs them: element i is bit i % 8 (least significant first) of byte i / 8; the bits after
// the last element are zero.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace coppice {

// Also right where num_bits + 7 would overflow.
constexpr std::int64_t bitmap_bytes(std::int64_t num_bits) { return num_bits / 8 + (num_bits % 8 != 0 ? 1 : 0); }

// Eight bytes of the bitmap as the bits of one word, zeros past its end.
inline std::uint64_t bitmap_word(std::span<const std::byte> bits, std::size_t word) {
  static_assert(std::endian::native == std::endian::little);
  std::uint64_t value = 0;
  const std::size_t at = word * sizeof(value);
  std::memcpy(&value, bits.data() + at, bits.size() - at < sizeof(value) ? bits.size() - at : sizeof(value));
  return value;
}

inline std::int64_t count_bits(std::span<const std::byte> bits) {
  std::int64_t count = 0;
  for (std::size_t word = 0; word * 8 < bits.size(); ++word) count += std::popcount(bitmap_word(bits, word));
  return count;
}

// Calls visit(i) for every set bit, in ascending order.
template <class Visit>
void for_each_bit(std::span<const std::byte> bits, Visit visit) {
  for (std::size_t word = 0; word * 8 < bits.size(); ++word) {
    for (std::uint64_t rest = bitmap_word(bits, word); rest != 0; rest &= rest - 1) {
      visit(static_cast<std::int64_t>(word) * 64 + std::countr_zero(rest));
    }
  }
}

// Whether `bits` has the length of a bitmap of `num_bits` and nothing set past its end.
inline bool is_bitmap_of(std::span<const std::byte> bits, std::int64_t num_bits) {
  if (num_bits < 0 || static_cast<std::uint64_t>(bitmap_bytes(num_bits)) != bits.size()) return false;
  return num_bits % 8 == 0 || std::to_integer<unsigned>(bits.back()) >> (num_bits % 8) == 0;
}

}  // namespace coppice
