// A bitmap over the elements of one tensor in logical row-major order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace coppice {

// One bit an element, little-endian within a word.
class Bits {
 public:
  Bits() = default;
  Bits(std::int64_t size, bool value);

  std::int64_t size() const { return size_; }
  bool operator[](std::int64_t i) const { return (words_[static_cast<std::size_t>(i >> 6)] >> (i & 63)) & 1U; }
  void set(std::int64_t i, bool value);
  void clear(std::int64_t begin, std::int64_t end);  // [begin, end)
  std::int64_t count() const;                        // of the set bits
  std::span<const std::uint64_t> words() const { return words_; }
  std::vector<std::uint32_t> positions() const;  // ascending, of the set bits; size < 2^32
  Bits operator&(const Bits& other) const;
  bool operator==(const Bits&) const = default;

  // The packed form: ceil(size / 8) bytes, little-endian within a byte, unused bits zero. from_bytes throws InputError
  // on another length or a set unused bit.
  std::vector<std::byte> to_bytes() const;
  static Bits from_bytes(std::int64_t size, std::span<const std::byte> bytes);

 private:
  std::int64_t size_ = 0;
  std::vector<std::uint64_t> words_;
};

}  // namespace coppice
