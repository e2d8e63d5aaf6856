#include "comm/wire/codec.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include "core/clones.h"
#include "core/error.h"

namespace coppice {
namespace {

constexpr std::uint32_t kMagnitude = 0x7fffffffU;
constexpr std::uint32_t kInfinity = 0x7f800000U;
constexpr float kLargestI8 = 127.0F;

// The conversions of one element have no branches (both sides of ?: are cheap), so that their loops vectorise.

std::uint16_t bf16_of(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16;
  const std::uint32_t quiet_nan = (bits >> 16) | 0x40U;
  return static_cast<std::uint16_t>((bits & kMagnitude) > kInfinity ? quiet_nan : rounded);
}

// At any alignment.
std::uint16_t load_u16(const std::byte* from) {
  std::uint16_t value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

float from_bf16(std::uint16_t half) { return std::bit_cast<float>(static_cast<std::uint32_t>(half) << 16); }

std::uint16_t f16_of(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t magnitude = bits & kMagnitude;
  // Normal: move the exponent's bias from 127 to 15 and round away 13 bits; a carry into the exponent is right, up to infinity.
  const std::uint32_t normal = (magnitude - (112U << 23) + 0xfffU + ((magnitude >> 13) & 1U)) >> 13;
  // Below 2^-14: adding 0.5, whose last place is 2^-24 like the subnormals', makes the float unit round.
  const std::uint32_t subnormal =
      std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5F) - std::bit_cast<std::uint32_t>(0.5F);
  std::uint32_t half = magnitude < (113U << 23) ? subnormal : normal;
  half = magnitude >= (143U << 23) ? 0x7c00U : half;  // 2^16 and above
  half = magnitude > kInfinity ? 0x7e00U : half;
  return static_cast<std::uint16_t>(half | ((bits >> 16) & 0x8000U));
}

float from_f16(std::uint16_t half) {
  const std::uint32_t magnitude = half & 0x7fffU;
  const std::uint32_t normal = (magnitude << 13) + (112U << 23);
  const std::uint32_t special = normal + (112U << 23);
  const auto subnormal =
      std::bit_cast<std::uint32_t>(static_cast<float>(static_cast<std::int32_t>(magnitude)) * 0x1p-24F);
  std::uint32_t bits = magnitude < 0x400U ? subnormal : normal;
  bits = magnitude >= 0x7c00U ? special : bits;
  return std::bit_cast<float>(bits | (static_cast<std::uint32_t>(half & 0x8000U) << 16));
}

COPPICE_CLONES void all_to_bf16(const float* from, std::uint16_t* to, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) to[i] = bf16_of(from[i]);
}

COPPICE_CLONES void all_from_bf16(const std::byte* from, float* to, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) to[i] = from_bf16(load_u16(from + 2 * i));
}

COPPICE_CLONES void all_to_f16(const float* from, std::uint16_t* to, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) to[i] = f16_of(from[i]);
}

COPPICE_CLONES void all_from_f16(const std::byte* from, float* to, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) to[i] = from_f16(load_u16(from + 2 * i));
}

// As integers the magnitudes order like the floats, with infinity and NaN last.
COPPICE_CLONES std::uint32_t largest_magnitude(const float* values, std::size_t count) {
  std::uint32_t largest = 0;
  for (std::size_t i = 0; i < count; ++i) {
    largest = std::max(largest, std::bit_cast<std::uint32_t>(values[i]) & kMagnitude);
  }
  return largest;
}

float level_of(float value, float scale) { return std::min(kLargestI8, std::max(-kLargestI8, value / scale)); }

COPPICE_CLONES void all_to_i8(const float* from, float scale, std::int8_t* to, std::size_t count) {
  // Adding 1.5 * 2^23 leaves no bits below one: the float unit rounds, ties to even.
  constexpr float kRounder = 12582912.0F;
  for (std::size_t i = 0; i < count; ++i) {
    const float level = (level_of(from[i], scale) + kRounder) - kRounder;
    to[i] = static_cast<std::int8_t>(static_cast<std::int32_t>(level));
  }
}

// One random word a value.
COPPICE_CLONES void some_to_i8_at_random(const float* from, float scale, const std::uint32_t* random, std::int8_t* to,
                                         std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const float level = level_of(from[i], scale);
    const auto toward_zero = static_cast<float>(static_cast<std::int32_t>(level));
    const float below = toward_zero - (toward_zero > level ? 1.0F : 0.0F);
    const float uniform = static_cast<float>(static_cast<std::int32_t>(random[i] >> 8)) * 0x1p-24F;
    to[i] = static_cast<std::int8_t>(static_cast<std::int32_t>(below + (uniform < level - below ? 1.0F : 0.0F)));
  }
}

void all_to_i8_at_random(std::span<const float> from, float scale, Stream& rounding, std::int8_t* to) {
  std::array<std::uint32_t, 1024> random;
  for (std::size_t at = 0; at < from.size(); at += random.size()) {
    const std::size_t count = std::min(random.size(), from.size() - at);
    for (std::size_t i = 0; i < count; ++i) random[i] = rounding.next_u32();
    some_to_i8_at_random(from.data() + at, scale, random.data(), to + at, count);
  }
}

COPPICE_CLONES void all_from_i8(const std::int8_t* from, float scale, float* to, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) to[i] = scale * static_cast<float>(from[i]);
}

EncodedValues encode_i8(std::span<const float> values, Stream* rounding) {
  const std::uint32_t largest = largest_magnitude(values.data(), values.size());
  if (largest >= kInfinity) throw InputError("i8: found a value that is not finite");
  EncodedValues encoded{std::vector<std::byte>(values.size()), std::bit_cast<float>(largest) / kLargestI8};
  // Zero also where the quotient underflows: everything is then below the smallest float there is.
  if (encoded.scale == 0.0F) return encoded;
  auto* to = reinterpret_cast<std::int8_t*>(encoded.bytes.data());
  if (rounding != nullptr) {
    all_to_i8_at_random(values, encoded.scale, *rounding, to);
  } else {
    all_to_i8(values.data(), encoded.scale, to, values.size());
  }
  return encoded;
}

[[noreturn]] void refuse(DType dtype) {
  throw InputError(std::string("found values of ") + name_of(dtype) + "; expected f32, bf16, f16 or i8");
}

}  // namespace

EncodedValues encode_values(std::span<const float> values, DType dtype, Stream* rounding) {
  if (rounding != nullptr && dtype != DType::kI8) {
    throw InputError(std::string("stochastic rounding: found wire type ") + name_of(dtype) + "; expected i8");
  }
  switch (dtype) {
    case DType::kF32: {
      const auto bytes = std::as_bytes(values);
      return {{bytes.begin(), bytes.end()}};
    }
    case DType::kBF16:
    case DType::kF16: {
      EncodedValues encoded{std::vector<std::byte>(values.size() * sizeof(std::uint16_t))};
      auto* to = reinterpret_cast<std::uint16_t*>(encoded.bytes.data());
      (dtype == DType::kBF16 ? all_to_bf16 : all_to_f16)(values.data(), to, values.size());
      return encoded;
    }
    case DType::kI8:
      return encode_i8(values, rounding);
    default:
      refuse(dtype);
  }
}

void decode_values(std::span<const std::byte> bytes, DType dtype, float scale, std::span<float> values) {
  if (bytes.size() != values.size() * bytes_per_element(dtype)) {
    throw InputError("found " + std::to_string(bytes.size()) + " bytes of " + name_of(dtype) + "; expected " +
                     std::to_string(values.size()) + " values");
  }
  switch (dtype) {
    case DType::kF32:
      if (!bytes.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
      return;
    case DType::kBF16:
    case DType::kF16:
      (dtype == DType::kBF16 ? all_from_bf16 : all_from_f16)(bytes.data(), values.data(), values.size());
      return;
    case DType::kI8:
      all_from_i8(reinterpret_cast<const std::int8_t*>(bytes.data()), scale, values.data(), values.size());
      return;
    default:
      refuse(dtype);
  }
}

void narrow_values(Block& block, DType dtype, Stream* rounding) {
  if (block.dtype != DType::kF32) {
    throw InputError("block " + quoted(block.name) + ": found values of " + name_of(block.dtype) + "; expected f32");
  }
  std::vector<float> values(static_cast<std::size_t>(block.num_values()));
  decode_values(block.values, DType::kF32, 1.0F, values);
  EncodedValues encoded = encode_values(values, dtype, rounding);
  block.dtype = dtype;
  block.scale = encoded.scale;
  block.values = std::move(encoded.bytes);
}

void widen_values(Block& block) {
  std::vector<float> values(static_cast<std::size_t>(block.num_values()));
  decode_values(block.values, block.dtype, block.scale, values);
  block.values = encode_values(values, DType::kF32).bytes;
  block.dtype = DType::kF32;
  block.scale = 1.0F;
}

}  // namespace coppice
