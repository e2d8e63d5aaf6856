#include "models/bits.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <string>

#include "core/clones.h"
#include "core/error.h"

namespace coppice {
namespace {

static_assert(std::endian::native == std::endian::little, "byte k of a word holds its bits 8 k to 8 k + 7");

constexpr std::uint64_t kAllSet = ~std::uint64_t{0};

COPPICE_CLONES std::int64_t ones_in(std::span<const std::uint64_t> words) {
  std::int64_t total = 0;
  for (const std::uint64_t word : words) total += std::popcount(word);
  return total;
}

std::size_t words_for(std::int64_t bits) { return static_cast<std::size_t>((bits + 63) / 64); }
std::size_t bytes_for(std::int64_t bits) { return static_cast<std::size_t>((bits + 7) / 8); }

}  // namespace

Bits::Bits(std::int64_t size, bool value) : size_(size) {
  if (size < 0) throw Error("a bitmap of " + std::to_string(size) + " bits");
  words_.assign(words_for(size), value ? kAllSet : 0);
  if (value && size % 64 != 0) words_.back() = kAllSet >> (64 - size % 64);
}

void Bits::set(std::int64_t i, bool value) {
  const std::uint64_t bit = std::uint64_t{1} << (i & 63);
  std::uint64_t& word = words_[static_cast<std::size_t>(i >> 6)];
  word = value ? word | bit : word & ~bit;
}

void Bits::clear(std::int64_t begin, std::int64_t end) {
  while (begin < end) {
    const std::int64_t stop = std::min(end, (begin | 63) + 1);
    const std::uint64_t ones = kAllSet >> (64 - (stop - begin));
    words_[static_cast<std::size_t>(begin >> 6)] &= ~(ones << (begin & 63));
    begin = stop;
  }
}

std::int64_t Bits::count() const { return ones_in(words_); }

std::vector<std::uint32_t> Bits::positions() const {
  if (size_ > std::int64_t{1} << 32)
    throw Error("positions of " + std::to_string(size_) + " elements do not fit 32 bits");
  std::vector<std::uint32_t> out;
  out.reserve(static_cast<std::size_t>(count()));
  for (std::size_t i = 0; i < words_.size(); ++i) {
    for (std::uint64_t word = words_[i]; word != 0; word &= word - 1) {
      out.push_back(static_cast<std::uint32_t>(64 * i + static_cast<std::size_t>(std::countr_zero(word))));
    }
  }
  return out;
}

Bits Bits::operator&(const Bits& other) const {
  if (size_ != other.size_) {
    throw Error("bitmaps of " + std::to_string(size_) + " and " + std::to_string(other.size_) + " bits do not meet");
  }
  Bits both = *this;
  for (std::size_t i = 0; i < words_.size(); ++i) both.words_[i] &= other.words_[i];
  return both;
}

std::vector<std::byte> Bits::to_bytes() const {
  std::vector<std::byte> bytes(bytes_for(size_));
  if (!bytes.empty()) std::memcpy(bytes.data(), words_.data(), bytes.size());
  return bytes;
}

Bits Bits::from_bytes(std::int64_t size, std::span<const std::byte> bytes) {
  if (bytes.size() != bytes_for(size)) {
    throw InputError("found " + std::to_string(bytes.size()) + " bytes; expected " + std::to_string(bytes_for(size)) +
                     " for " + std::to_string(size) + " bits");
  }
  if (size % 8 != 0 && std::to_integer<unsigned>(bytes.back()) >> (size % 8) != 0) {
    throw InputError("a bit past the last of " + std::to_string(size) + " is set");
  }
  Bits bits(size, false);
  if (!bytes.empty()) std::memcpy(bits.words_.data(), bytes.data(), bytes.size());
  return bits;
}

}  // namespace coppice
