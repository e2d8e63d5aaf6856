#include "models/packed/gaps.h"

#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "core/error.h"

namespace coppice {
namespace {

using Positions = std::vector<std::uint32_t>;

Positions random_positions(std::uint32_t size, double density, std::mt19937& random) {
  std::bernoulli_distribution keep(density);
  Positions positions;
  for (std::uint32_t at = 0; at < size; ++at) {
    if (keep(random)) positions.push_back(at);
  }
  return positions;
}

TEST(Gaps, ComeBackAtEveryDensityAndLength) {
  std::mt19937 random(3);
  for (std::uint32_t size = 0; size < 300; size += 1 + size / 40) {
    for (const double density : {0.0, 0.01, 0.05, 0.3, 0.9, 1.0}) {
      const Positions positions = random_positions(size, density, random);
      EXPECT_EQ(decode_gaps(encode_gaps(positions), std::ssize(positions), size), positions) << size << " at " << density;
    }
  }
}

TEST(Gaps, ReachTheLastOfAsManyElementsAsThereMayBe) {
  const Positions positions = {0, 7, 4294967294U, 4294967295U};
  EXPECT_EQ(decode_gaps(encode_gaps(positions), 4, std::int64_t{1} << 32), positions);
  const Positions last = {4294967295U};
  EXPECT_EQ(decode_gaps(encode_gaps(last), 1, std::int64_t{1} << 32), last);
  EXPECT_THROW(decode_gaps(encode_gaps(last), 1, (std::int64_t{1} << 32) - 1), InputError);
}

TEST(Gaps, TakeWhatTheHeaderSays) {
  std::mt19937 random(4);
  constexpr std::uint32_t kSize = 1 << 20;
  for (const double density : {0.001, 0.01, 0.05, 0.1, 0.2, 0.38, 0.5, 0.9}) {
    const Positions positions = random_positions(kSize, density, random);
    const double p = static_cast<double>(positions.size()) / kSize;
    const double entropy = kSize * (-p * std::log2(p) - (1 - p) * std::log2(1 - p)) / 8;
    const auto bytes = static_cast<double>(encode_gaps(positions).size());
    if (density <= 0.38) {
      EXPECT_LE(bytes, (density == 0.05 ? 1.015 : 1.05) * entropy) << density;
    }
    EXPECT_LE(bytes, kSize / 8 + 1) << density;
  }
}

TEST(Gaps, AreTheBitmapWhereThatIsLeast) {
  const auto bytes = encode_gaps(Positions{0, 2, 3, 8});
  const std::vector<std::byte> expected = {std::byte{0}, std::byte{0b1101}, std::byte{1}};
  EXPECT_EQ(bytes, expected);
}

TEST(Gaps, RefuseWhatNoWriterWrites) {
  const auto bytes = encode_gaps(Positions{3, 40, 41, 97});
  const auto refused = [](std::vector<std::byte> changed, std::int64_t count, std::int64_t size) {
    EXPECT_THROW(decode_gaps(changed, count, size), InputError);
  };
  ASSERT_EQ(decode_gaps(bytes, 4, 98).back(), 97U);
  refused(bytes, 4, 97);                        // the last stands past the end
  refused(bytes, 3, 98);                        // bytes are left over
  refused(bytes, 5, 98);                        // too few ones
  refused(bytes, -1, 98);
  refused(bytes, 99, 98);
  refused(bytes, 4, (std::int64_t{1} << 32) + 1);
  refused({}, 0, 98);
  refused({bytes.begin(), bytes.end() - 1}, 4, 98);
  for (const std::size_t at : {std::size_t{0}, bytes.size() - 1}) {
    auto changed = bytes;
    changed[at] |= std::byte{0x80};             // remainders of 128 bits and more; a bit past the last
    refused(changed, 4, 98);
  }
}

}  // namespace
}  // namespace coppice
