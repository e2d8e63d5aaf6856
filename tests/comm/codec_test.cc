#include "comm/wire/codec.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/comm/random_envelope.h"

namespace coppice {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<float> round_trip(std::span<const float> values, DType dtype) {
  const EncodedValues encoded = encode_values(values, dtype);
  std::vector<float> back(values.size());
  decode_values(encoded.bytes, dtype, encoded.scale, back);
  return back;
}

std::uint16_t half_of(float value, DType dtype) {
  std::uint16_t half;
  std::memcpy(&half, encode_values({&value, 1}, dtype).bytes.data(), sizeof(half));
  return half;
}

// All 2^16 patterns of a 16-bit type as floats, in ascending order of the pattern.
std::vector<float> all_halves(DType dtype) {
  std::vector<std::uint16_t> patterns(1 << 16);
  for (std::size_t i = 0; i < patterns.size(); ++i) patterns[i] = static_cast<std::uint16_t>(i);
  std::vector<float> values(patterns.size());
  decode_values(std::as_bytes(std::span(patterns)), dtype, 1.0F, values);
  return values;
}

// What a 16-bit pattern means, by the definition of the format and in double.
double meaning_of(std::uint16_t pattern, int exponent_bits) {
  const int fraction_bits = 15 - exponent_bits;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = (pattern & 0x7fff) >> fraction_bits;
  const double fraction = std::ldexp(pattern & ((1 << fraction_bits) - 1), -fraction_bits);
  const double sign = (pattern & 0x8000) != 0 ? -1 : 1;
  if (exponent == (1 << exponent_bits) - 1) return fraction == 0 ? sign * kInfinity : std::nan("");
  return exponent == 0 ? sign * std::ldexp(fraction, 1 - bias) : sign * std::ldexp(1 + fraction, exponent - bias);
}

class HalfTypes : public testing::TestWithParam<DType> {
 protected:
  int exponent_bits() const { return GetParam() == DType::kF16 ? 5 : 8; }
};
INSTANTIATE_TEST_SUITE_P(Codec, HalfTypes, testing::Values(DType::kF16, DType::kBF16),
                         [](const auto& test) { return std::string(name_of(test.param)); });

TEST_P(HalfTypes, EveryPatternMeansWhatTheFormatSaysAndComesBack) {
  const std::vector<float> values = all_halves(GetParam());
  const EncodedValues encoded = encode_values(values, GetParam());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto pattern = static_cast<std::uint16_t>(i);
    const double expected = meaning_of(pattern, exponent_bits());
    std::uint16_t again;
    std::memcpy(&again, encoded.bytes.data() + 2 * i, sizeof(again));
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(values[i])) << i;
      ASSERT_TRUE(std::isnan(meaning_of(again, exponent_bits()))) << i;
      continue;
    }
    ASSERT_EQ(static_cast<double>(values[i]), expected) << i;
    ASSERT_EQ(again, pattern) << i;
  }
}

// Between two neighbours: below the middle goes down, above it up, the middle to the even pattern.
TEST_P(HalfTypes, RoundsToNearestTiesToEven) {
  const std::vector<float> values = all_halves(GetParam());
  const std::uint16_t largest = GetParam() == DType::kF16 ? 0x7bff : 0x7f7f;
  for (std::uint16_t low = 0; low < largest; ++low) {
    const auto high = static_cast<std::uint16_t>(low + 1);
    const auto middle = static_cast<float>((static_cast<double>(values[low]) + static_cast<double>(values[high])) / 2);
    const std::uint16_t even = low % 2 == 0 ? low : high;
    // The middle of two subnormal bf16 is a float; both neighbours in float exist around it.
    ASSERT_EQ(half_of(middle, GetParam()), even) << low;
    ASSERT_EQ(half_of(std::nextafter(middle, 0.0F), GetParam()), low) << low;
    ASSERT_EQ(half_of(std::nextafter(middle, kInfinity), GetParam()), high) << low;
    ASSERT_EQ(half_of(-middle, GetParam()), even | 0x8000) << low;
  }
}

TEST_P(HalfTypes, OverflowIsInfinityAndNanStaysNan) {
  const float largest = all_halves(GetParam())[GetParam() == DType::kF16 ? 0x7bff : 0x7f7f];
  const float beyond = GetParam() == DType::kF16 ? 65520.0F : std::numeric_limits<float>::max();
  const std::vector<float> back = round_trip(
      std::vector<float>{largest, beyond, -beyond, kInfinity, -kInfinity, std::nanf(""), -std::nanf("1")}, GetParam());
  EXPECT_EQ(back[0], largest);
  EXPECT_EQ(back[1], kInfinity);
  EXPECT_EQ(back[2], -kInfinity);
  EXPECT_EQ(back[3], kInfinity);
  EXPECT_EQ(back[4], -kInfinity);
  EXPECT_TRUE(std::isnan(back[5]) && std::isnan(back[6]));
}

std::vector<float> normals(std::size_t count, double width) {
  Stream stream(Seed{.run = 1}, Purpose::kTest);
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(width * stream.normal());
  return values;
}

TEST(Codec, F32IsExact) {
  const std::vector<float> values = normals(1001, 1);
  EXPECT_EQ(round_trip(values, DType::kF32), values);
  EXPECT_TRUE(round_trip({}, DType::kF32).empty());
}

TEST(Codec, I8StaysWithinHalfAStep) {
  for (const double width : {1e-30, 1e-3, 1.0, 1e30}) {
    const std::vector<float> values = normals(5003, width);
    float largest = 0;
    for (const float value : values) largest = std::max(largest, std::fabs(value));
    const EncodedValues encoded = encode_values(values, DType::kI8);
    EXPECT_EQ(encoded.bytes.size(), values.size());
    EXPECT_FLOAT_EQ(encoded.scale, largest / 127);
    const std::vector<float> back = round_trip(values, DType::kI8);
    for (std::size_t i = 0; i < values.size(); ++i) {
      ASSERT_LE(std::fabs(back[i] - values[i]), 0.5001F * encoded.scale) << i;
    }
  }
}

TEST(Codec, I8TakesTheExtremesExactlyAndTiesToEven) {
  const std::vector<float> values{127, -127, 0, 0.5F, 1.5F, 2.5F, -0.5F, -1.5F};
  const std::vector<float> expected{127, -127, 0, 0, 2, 2, 0, -2};
  EXPECT_EQ(round_trip(values, DType::kI8), expected);
  EXPECT_EQ(round_trip(std::vector<float>(9), DType::kI8), std::vector<float>(9));
  // Subnormal: the scale may vanish or be coarse, nothing grows beyond its order of magnitude.
  for (const float tiny : {1e-45F, 1e-43F, 1e-40F}) {
    EXPECT_LE(std::fabs(round_trip({&tiny, 1}, DType::kI8)[0]), 2 * tiny);
  }
}

TEST(Codec, StochasticRoundingIsUnbiased) {
  const std::vector<float> values{127, 0.25F, -0.25F, 3.9F, -100.1F, 5};
  Stream stream(Seed{.run = 2}, Purpose::kRounding);
  constexpr int kDraws = 20000;
  std::vector<double> sum(values.size());
  for (int draw = 0; draw < kDraws; ++draw) {
    const EncodedValues encoded = encode_values(values, DType::kI8, &stream);
    EXPECT_EQ(encoded.scale, 1.0F);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto level = static_cast<std::int8_t>(encoded.bytes[i]);
      ASSERT_LT(std::fabs(static_cast<float>(level) - values[i]), 1.0F);
      sum[i] += level;
    }
  }
  // Five standard errors of a Bernoulli variable.
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double fraction = values[i] - std::floor(values[i]);
    EXPECT_NEAR(sum[i] / kDraws, values[i], 5 * std::sqrt(fraction * (1 - fraction) / kDraws) + 1e-6) << i;
  }
}

TEST(Codec, StochasticRoundingDependsOnlyOnItsStream) {
  const std::vector<float> values = normals(999, 1);
  const auto encode_with = [&](std::uint32_t client) {
    Stream stream(Seed{.run = 3, .client = client}, Purpose::kRounding);
    return encode_values(values, DType::kI8, &stream).bytes;
  };
  EXPECT_EQ(encode_with(1), encode_with(1));
  EXPECT_NE(encode_with(1), encode_with(2));
}

TEST(Codec, BlocksAreNarrowedAndWidenedInPlace) {
  const std::vector<float> values = normals(32, 1);
  const auto bytes = std::as_bytes(std::span(values));
  const Block original = make_block("w", DType::kF32, Layout::kDense, {4, 8}, {bytes.begin(), bytes.end()});
  for (const DType dtype : {DType::kF32, DType::kBF16, DType::kF16, DType::kI8}) {
    Block block = original;
    narrow_values(block, dtype);
    EXPECT_EQ(block.dtype, dtype);
    EXPECT_EQ(block.values.size(), 32 * bytes_per_element(dtype));
    EXPECT_EQ(block.scale != 1.0F, dtype == DType::kI8);
    widen_values(block);
    EXPECT_EQ(block.dtype, DType::kF32);
    EXPECT_EQ(block.scale, 1.0F);
    const auto expected = round_trip(values, dtype);
    EXPECT_EQ(std::memcmp(block.values.data(), expected.data(), block.values.size()), 0);
  }
}

TEST(Codec, RefusesWhatItCannotCarry) {
  const float values[] = {1, std::nanf("")};
  EXPECT_THROW(encode_values(values, DType::kI8), InputError);
  const float infinite[] = {1, -kInfinity};
  EXPECT_THROW(encode_values(infinite, DType::kI8), InputError);
  EXPECT_THROW(encode_values(values, DType::kI64), InputError);
  Stream stream(Seed{}, Purpose::kRounding);
  EXPECT_THROW(encode_values(values, DType::kBF16, &stream), InputError);
  float out[2];
  EXPECT_THROW(decode_values(std::vector<std::byte>(3), DType::kF16, 1, out), InputError);
  EXPECT_THROW(decode_values(std::vector<std::byte>(2), DType::kU8, 1, out), InputError);
  Block block = make_block("w", DType::kBF16, Layout::kDense, {0});
  EXPECT_THROW(narrow_values(block, DType::kI8), InputError);
}

}  // namespace
}  // namespace coppice
