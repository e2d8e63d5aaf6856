#include "models/packed/gaps.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <string>

#include "core/error.h"

namespace coppice {
namespace {

constexpr unsigned kMostRemainderBits = 32;
constexpr std::int64_t kMostElements = std::int64_t{std::numeric_limits<std::uint32_t>::max()} + 1;

std::uint64_t bytes_for(std::uint64_t bits) { return bits / 8 + (bits % 8 != 0 ? 1 : 0); }

std::vector<std::uint32_t> gaps_of(std::span<const std::uint32_t> positions) {
  std::vector<std::uint32_t> gaps(positions.begin(), positions.end());
  for (std::size_t i = 1; i < gaps.size(); ++i) gaps[i] = positions[i] - positions[i - 1] - 1;
  return gaps;
}

std::uint64_t quotient_bits(std::span<const std::uint32_t> gaps, unsigned k) {
  std::uint64_t bits = gaps.size();
  for (const std::uint32_t gap : gaps) bits += std::uint64_t{gap} >> k;
  return bits;
}

// What one more bit of remainder saves shrinks with k, so the first k that the next does not better is the best.
unsigned best_remainder_bits(std::span<const std::uint32_t> gaps) {
  unsigned k = 0;
  for (std::uint64_t bits = quotient_bits(gaps, 0); k < kMostRemainderBits; ++k) {
    const std::uint64_t next = quotient_bits(gaps, k + 1);
    if (next + gaps.size() >= bits) break;
    bits = next;
  }
  return k;
}

void set_bit(std::span<std::byte> bits, std::uint64_t at) { bits[at / 8] |= std::byte{1} << (at % 8); }

bool bit_at(std::span<const std::byte> bits, std::uint64_t at) { return (bits[at / 8] & (std::byte{1} << (at % 8))) != std::byte{0}; }

[[noreturn]] void refuse(const std::string& found, const std::string& expected) {
  throw InputError("positions: found " + found + "; expected " + expected);
}

void require_zeros(std::span<const std::byte> bits, std::uint64_t used) {
  if (used % 8 != 0 && std::to_integer<unsigned>(bits.back()) >> (used % 8) != 0) refuse("a bit set past the last one", "none");
}

// The quotients, and in `used` the bits that they take. The last ends at the count-th one.
std::vector<std::uint32_t> read_quotients(std::span<const std::byte> bits, std::int64_t count, std::int64_t most, std::uint64_t& used) {
  std::vector<std::uint32_t> quotients;
  quotients.reserve(static_cast<std::size_t>(count));
  used = 0;
  for (std::size_t byte = 0; byte < bits.size() && std::ssize(quotients) < count; ++byte) {
    for (auto rest = std::to_integer<unsigned>(bits[byte]); rest != 0 && std::ssize(quotients) < count; rest &= rest - 1) {
      const std::uint64_t one = 8 * byte + static_cast<unsigned>(std::countr_zero(rest));
      if (one - used > static_cast<std::uint64_t>(most)) refuse("a gap past the end", "positions inside the tensor");
      quotients.push_back(static_cast<std::uint32_t>(one - used));
      used = one + 1;
    }
  }
  if (std::ssize(quotients) < count) refuse(std::to_string(quotients.size()), std::to_string(count));
  return quotients;
}

}  // namespace

std::vector<std::byte> encode_gaps(std::span<const std::uint32_t> positions) {
  const std::vector<std::uint32_t> gaps = gaps_of(positions);
  const unsigned k = best_remainder_bits(gaps);
  const std::uint64_t quotients = bytes_for(quotient_bits(gaps, k));
  std::vector<std::byte> bytes(1 + quotients + bytes_for(gaps.size() * k));
  bytes[0] = static_cast<std::byte>(k);
  const std::span unary = std::span(bytes).subspan(1, quotients), low = std::span(bytes).subspan(1 + quotients);
  std::uint64_t at = 0, low_at = 0;
  for (const std::uint32_t gap : gaps) {
    at += std::uint64_t{gap} >> k;
    set_bit(unary, at++);
    for (unsigned bit = 0; bit < k; ++bit, ++low_at) {
      if ((gap >> bit & 1U) != 0) set_bit(low, low_at);
    }
  }
  return bytes;
}

std::vector<std::uint32_t> decode_gaps(std::span<const std::byte> bytes, std::int64_t count, std::int64_t size) {
  if (size < 0 || size > kMostElements || count < 0 || count > size || bytes.empty() || static_cast<std::uint64_t>(count) > 8 * (bytes.size() - 1)) {
    refuse(std::to_string(count) + " of " + std::to_string(size) + " elements in " + std::to_string(bytes.size()) + " bytes",
           "at most 2^32 elements, and a byte and at least a bit for each position");
  }
  const auto k = std::to_integer<unsigned>(bytes[0]);
  if (k > kMostRemainderBits) refuse("remainders of " + std::to_string(k) + " bits", "at most 32");
  std::uint64_t used = 0;
  std::vector<std::uint32_t> positions = read_quotients(bytes.subspan(1), count, std::max<std::int64_t>(size - 1, 0) >> k, used);
  const std::uint64_t quotients = bytes_for(used), low_bits = static_cast<std::uint64_t>(count) * k;
  if (bytes.size() != 1 + quotients + bytes_for(low_bits)) {
    refuse(std::to_string(bytes.size()) + " bytes", std::to_string(1 + quotients + bytes_for(low_bits)));
  }
  const std::span low = bytes.subspan(1 + quotients);
  require_zeros(bytes.subspan(1, quotients), used);
  require_zeros(low, low_bits);
  std::uint64_t next = 0, low_at = 0;
  for (std::uint32_t& position : positions) {
    std::uint64_t gap = std::uint64_t{position} << k;
    for (unsigned bit = 0; bit < k; ++bit, ++low_at) gap |= std::uint64_t{bit_at(low, low_at)} << bit;
    next += gap;
    if (next >= static_cast<std::uint64_t>(size)) refuse("position " + std::to_string(next), "one below " + std::to_string(size));
    position = static_cast<std::uint32_t>(next++);
  }
  return positions;
}

}  // namespace coppice
