#include "comm/wire/positions.h"

#include <cstring>

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/seed.h"
#include "comm/wire/bits.h"
#include "comm/wire/check_envelope.h"
#include "tests/comm/random_envelope.h"

namespace coppice {
namespace {

std::vector<std::byte> random_bits(Stream& stream, std::int64_t num_elements, double density) {
  std::vector<std::byte> bits(static_cast<std::size_t>(bitmap_bytes(num_elements)));
  for (std::int64_t i = 0; i < num_elements; ++i) {
    if (stream.uniform() < density) bits[static_cast<std::size_t>(i / 8)] |= std::byte{1} << (i % 8);
  }
  return bits;
}

constexpr double kDensities[] = {0, 0.001, 0.01, 1.0 / 32, 0.05, 0.5, 1};

TEST(Bits, CountAndVisitAgreeWithALoop) {
  Stream stream(Seed{.run = 1}, Purpose::kTest);
  for (std::int64_t n = 0; n < 200; ++n) {
    const auto bits = random_bits(stream, n, 0.4);
    std::vector<std::int64_t> expected;
    for (std::int64_t i = 0; i < n; ++i) {
      if ((std::to_integer<unsigned>(bits[static_cast<std::size_t>(i / 8)]) >> (i % 8) & 1) != 0) expected.push_back(i);
    }
    std::vector<std::int64_t> visited;
    for_each_bit(bits, [&](std::int64_t i) { visited.push_back(i); });
    EXPECT_EQ(visited, expected);
    EXPECT_EQ(count_bits(bits), std::ssize(expected));
    EXPECT_TRUE(is_bitmap_of(bits, n));
    EXPECT_FALSE(is_bitmap_of(bits, n + 8));
  }
}

TEST(Positions, DecodeUndoesEncode) {
  Stream stream(Seed{.run = 2}, Purpose::kTest);
  for (const double density : kDensities) {
    for (const std::int64_t n : {0, 1, 7, 8, 9, 64, 1000, 4097}) {
      const auto bits = random_bits(stream, n, density);
      const Positions positions = encode_positions(bits, n);
      EXPECT_EQ(decode_positions(positions.layout, positions.bytes, n), bits);
    }
  }
}

TEST(Positions, TheSmallerLayoutIsTaken) {
  EXPECT_EQ(smaller_layout(3200, 99), Layout::kIndices);  // 396 bytes against 400
  EXPECT_EQ(smaller_layout(3200, 100), Layout::kBitmap);
  EXPECT_EQ(smaller_layout(8, 0), Layout::kIndices);
  EXPECT_EQ(smaller_layout((std::int64_t{1} << 32) + 1, 1), Layout::kBitmap);  // an index would not reach
  Stream stream(Seed{.run = 3}, Purpose::kTest);
  for (const double density : kDensities) {
    const auto bits = random_bits(stream, 5000, density);
    const auto size = encode_positions(bits, 5000).bytes.size();
    EXPECT_EQ(size, std::min<std::size_t>(625, 4 * static_cast<std::size_t>(count_bits(bits))));
  }
}

TEST(Positions, BlocksAreRepackedInPlace) {
  Stream stream(Seed{.run = 4}, Purpose::kTest);
  for (int i = 0; i < 500; ++i) {
    const Block before = random_block(stream, static_cast<Layout>(i % 4));
    Block after = before;
    use_smaller_positions(after);
    EXPECT_LE(after.positions.size(), before.positions.size());
    EXPECT_EQ(after.values, before.values);
    Envelope envelope;
    envelope.mask_digest = digest_of("mask");
    envelope.blocks = {after};
    EXPECT_NO_THROW(check_envelope(envelope));
    if (before.layout != Layout::kIndices && before.layout != Layout::kBitmap) {
      EXPECT_EQ(after.layout, before.layout);
      continue;
    }
    EXPECT_EQ(decode_positions(after.layout, after.positions, after.num_elements()),
              decode_positions(before.layout, before.positions, before.num_elements()));
  }
}

// A shape from outside is no reason to allocate its bitmap.
TEST(Positions, AHugeShapeStaysAListOfIndices) {
  Block block = make_block("huge", DType::kU8, Layout::kIndices, {std::int64_t{1} << 60}, bytes_of<std::uint8_t>({1}),
                           bytes_of<std::uint32_t>({0}));
  use_smaller_positions(block);
  EXPECT_EQ(block.layout, Layout::kIndices);
}

TEST(Positions, MalformedOnesAreRefused) {
  EXPECT_NO_THROW(decode_positions(Layout::kIndices, bytes_of<std::uint32_t>({0, 9}), 10));
  EXPECT_THROW(decode_positions(Layout::kIndices, bytes_of<std::uint32_t>({0, 10}), 10), InputError);
  EXPECT_THROW(decode_positions(Layout::kIndices, bytes_of<std::uint32_t>({5, 5}), 10), InputError);
  EXPECT_THROW(decode_positions(Layout::kIndices, bytes_of<std::uint32_t>({5, 4}), 10), InputError);
  EXPECT_THROW(decode_positions(Layout::kIndices, std::vector<std::byte>(3), 10), InputError);
  EXPECT_THROW(decode_positions(Layout::kBitmap, std::vector<std::byte>(1), 10), InputError);
  EXPECT_THROW(decode_positions(Layout::kBitmap, std::vector<std::byte>(2, std::byte{0x04}), 10), InputError);
  EXPECT_THROW(decode_positions(Layout::kDense, {}, 0), InputError);
  EXPECT_THROW(encode_positions(std::vector<std::byte>(3), 10), InputError);
}

TEST(MaskDelta, ApplyUndoesEncode) {
  Stream stream(Seed{.run = 5}, Purpose::kTest);
  for (const double density : kDensities) {
    for (const double change : kDensities) {
      for (const std::int64_t n : {0, 1, 31, 1000, 4099}) {
        const auto old_bits = random_bits(stream, n, density);
        auto new_bits = random_bits(stream, n, change);
        for (std::size_t i = 0; i < new_bits.size(); ++i) new_bits[i] ^= old_bits[i];
        const auto delta = encode_mask_delta(old_bits, new_bits, n);
        EXPECT_EQ(apply_mask_delta(old_bits, delta, n), new_bits);
        EXPECT_LE(delta.size(), 1 + old_bits.size());
      }
    }
  }
}

TEST(MaskDelta, FewFlipsCostFourBytesEach) {
  Stream stream(Seed{.run = 6}, Purpose::kTest);
  const auto old_bits = random_bits(stream, 100000, 0.3);
  EXPECT_EQ(encode_mask_delta(old_bits, old_bits, 100000).size(), 1U);
  auto new_bits = old_bits;
  new_bits[17] ^= std::byte{0x21};
  EXPECT_EQ(encode_mask_delta(old_bits, new_bits, 100000).size(), 9U);
}

TEST(MaskDelta, AnyBytesAreRefusedOrGiveAMask) {
  Stream stream(Seed{.run = 7}, Purpose::kTest);
  const auto old_bits = random_bits(stream, 77, 0.5);
  int accepted = 0;
  for (int i = 0; i < 20000; ++i) {
    std::vector<std::byte> delta(stream.below(14));
    for (std::byte& value : delta) value = static_cast<std::byte>(stream.below(3) == 0 ? stream.below(78) : 0);
    if (!delta.empty()) delta[0] = static_cast<std::byte>(stream.below(3));
    try {
      EXPECT_TRUE(is_bitmap_of(apply_mask_delta(old_bits, delta, 77), 77));
      ++accepted;
    } catch (const InputError&) {
    }
  }
  EXPECT_GT(accepted, 10);
  EXPECT_LT(accepted, 19000);
}

}  // namespace
}  // namespace coppice
