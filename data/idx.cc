#include "data/idx.h"

#include <cstdio>
#include <optional>

#include "core/error.h"
#include "data/sizes.h"

namespace coppice {
namespace {

constexpr std::size_t kMostDims = 8;

std::optional<std::int64_t> bytes_of(IdxArray::Type type) {
  switch (type) {
    case IdxArray::Type::kU8:
    case IdxArray::Type::kI8:
      return 1;
    case IdxArray::Type::kI16:
      return 2;
    case IdxArray::Type::kI32:
    case IdxArray::Type::kF32:
      return 4;
    case IdxArray::Type::kF64:
      return 8;
  }
  return std::nullopt;
}

std::uint32_t big_endian(std::span<const std::byte> bytes) {
  std::uint32_t value = 0;
  for (const std::byte b : bytes) value = value << 8 | static_cast<std::uint32_t>(b);
  return value;
}

[[noreturn]] void wrong_size(const std::string& file, std::size_t found, const std::string& expected) {
  throw InputError(file + ": found " + std::to_string(found) + " bytes, expected " + expected);
}

}  // namespace

std::int64_t IdxArray::count() const { return checked_product(shape).value_or(0); }

IdxArray parse_idx(std::span<const std::byte> bytes, const std::string& file) {
  if (bytes.size() < 4) wrong_size(file, bytes.size(), "at least the 4 of an IDX magic number");
  const auto type = static_cast<IdxArray::Type>(bytes[2]);
  const auto dims = static_cast<std::size_t>(bytes[3]);
  const std::optional<std::int64_t> value_bytes = bytes_of(type);
  if (bytes[0] != std::byte{0} || bytes[1] != std::byte{0} || !value_bytes || dims < 1 || dims > kMostDims) {
    char magic[16];
    std::snprintf(magic, sizeof magic, "%08X", static_cast<unsigned>(big_endian(bytes.first(4))));
    throw InputError(file + ": no IDX file: found magic number " + magic +
                     ", expected 0000ttdd with type 08, 09, 0B, 0C, 0D or 0E and 1 to 8 dims");
  }
  const std::size_t header = 4 + 4 * dims;
  if (bytes.size() < header)
    wrong_size(file, bytes.size(), "at least the " + std::to_string(header) + " of the header");

  IdxArray array;
  array.type = type;
  std::vector<std::int64_t> factors{*value_bytes};
  for (std::size_t d = 0; d < dims; ++d) {
    array.shape.push_back(big_endian(bytes.subspan(4 + 4 * d, 4)));
    factors.push_back(array.shape.back());
  }
  const auto total = checked_sum({checked_product(factors), static_cast<std::int64_t>(header)});
  if (!total)
    throw InputError(file + ": the shape in the header overflows 63 bits; expected the shape of the data behind it");
  if (static_cast<std::int64_t>(bytes.size()) != *total) {
    wrong_size(file, bytes.size(), std::to_string(*total) + " from the shape in the header");
  }
  array.values = bytes.subspan(header);
  return array;
}

std::vector<std::int32_t> integers_of(const IdxArray& array, const std::string& file) {
  const auto count = static_cast<std::size_t>(array.count());
  std::vector<std::int32_t> out(count);
  const std::span<const std::byte> v = array.values;
  for (std::size_t i = 0; i < count; ++i) {
    switch (array.type) {
      case IdxArray::Type::kU8:
        out[i] = static_cast<std::uint8_t>(v[i]);
        break;
      case IdxArray::Type::kI8:
        out[i] = static_cast<std::int8_t>(v[i]);
        break;
      case IdxArray::Type::kI16:
        out[i] = static_cast<std::int16_t>(big_endian(v.subspan(2 * i, 2)));
        break;
      case IdxArray::Type::kI32:
        out[i] = static_cast<std::int32_t>(big_endian(v.subspan(4 * i, 4)));
        break;
      default:
        throw InputError(file + ": found floating-point values, expected whole numbers (IDX type 08, 09, 0B or 0C)");
    }
  }
  return out;
}

}  // namespace coppice
