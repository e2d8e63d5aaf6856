// IDX, the format of the MNIST family: big-endian, magic 0 0 <type> <dims>, then one uint32 extent a dim, then the
// values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace coppice {

struct IdxArray {
  enum class Type : std::uint8_t { kU8 = 0x08, kI8 = 0x09, kI16 = 0x0B, kI32 = 0x0C, kF32 = 0x0D, kF64 = 0x0E };

  Type type = Type::kU8;
  std::vector<std::int64_t> shape;    // 1 to 8 dims
  std::span<const std::byte> values;  // into the parsed bytes, big-endian

  std::int64_t count() const;  // product of the shape
};

// Throws InputError naming `file` unless the bytes are exactly one array: wrong magic, sizes that overflow, too few or
// too many bytes (with both figures). Allocates nothing but the shape.
IdxArray parse_idx(std::span<const std::byte> bytes, const std::string& file);

// The values of an array of whole numbers (u8, i8, i16, i32); throws InputError for the others.
std::vector<std::int32_t> integers_of(const IdxArray& array, const std::string& file);

}  // namespace coppice
