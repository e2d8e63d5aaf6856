#include "models/bits.h"

#include <cmath>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "core/error.h"
#include "models/support.h"

namespace coppice {
namespace {

// Bits and, beside them, the same as a vector of bools.
struct Sample {
  Bits bits;
  std::vector<bool> flags;
};

Sample random_sample(std::int64_t size, double density, std::mt19937& random) {
  Sample sample{Bits(size, false), std::vector<bool>(static_cast<std::size_t>(size), false)};
  std::bernoulli_distribution keep(density);
  for (std::int64_t i = 0; i < size; ++i) {
    sample.flags[static_cast<std::size_t>(i)] = keep(random);
    sample.bits.set(i, sample.flags[static_cast<std::size_t>(i)]);
  }
  return sample;
}

// Runs of both kinds and mixed words, at sizes around multiples of 8 and 64.
template <class Check>
void for_many_samples(const Check& check) {
  std::mt19937 random(7);
  for (std::int64_t size = 0; size < 200; ++size) {
    for (const double density : {0.0, 0.05, 0.5, 0.95, 1.0}) check(random_sample(size, density, random), random);
  }
  Sample runs = random_sample(640, 0.5, random);
  runs.bits.clear(128, 320);
  std::fill(runs.flags.begin() + 128, runs.flags.begin() + 320, false);
  for (std::int64_t i = 320; i < 512; ++i) {
    runs.bits.set(i, true);
    runs.flags[static_cast<std::size_t>(i)] = true;
  }
  check(runs, random);
}

TEST(Bits, AgreeWithAVectorOfBools) {
  for_many_samples([](const Sample& sample, std::mt19937&) {
    std::vector<std::uint32_t> positions;
    for (std::size_t i = 0; i < sample.flags.size(); ++i) {
      ASSERT_EQ(sample.bits[static_cast<std::int64_t>(i)], sample.flags[i]);
      if (sample.flags[i]) positions.push_back(static_cast<std::uint32_t>(i));
    }
    EXPECT_EQ(sample.bits.positions(), positions);
    EXPECT_EQ(sample.bits.count(), static_cast<std::int64_t>(positions.size()));
  });
}

TEST(Bits, ConstantBitsEqualTheOnesSetOneByOne) {
  for (std::int64_t size = 0; size < 200; ++size) {
    Bits ones(size, false);
    for (std::int64_t i = 0; i < size; ++i) ones.set(i, true);
    EXPECT_EQ(ones, Bits(size, true));
    EXPECT_EQ(ones.count(), size);
  }
  EXPECT_THROW(Bits(-1, true), Error);
}

TEST(Bits, ClearTakesAwayExactlyTheRange) {
  std::mt19937 random(8);
  for (int trial = 0; trial < 500; ++trial) {
    Sample sample = random_sample(300, 0.8, random);
    const std::int64_t a = random() % 301, b = random() % 301;
    sample.bits.clear(a, b);
    for (std::int64_t i = 0; i < 300; ++i) {
      const bool expected = sample.flags[static_cast<std::size_t>(i)] && (i < a || i >= b);
      ASSERT_EQ(sample.bits[i], expected) << a << " " << b << " " << i;
    }
  }
}

TEST(Bits, BytesRoundTripAndAreRefusedWhenTheyDoNotFit) {
  for_many_samples([](const Sample& sample, std::mt19937&) {
    const std::int64_t size = sample.bits.size();
    std::vector<std::byte> bytes = sample.bits.to_bytes();
    for (std::int64_t i = 0; i < size; ++i) {
      const bool bit = (std::to_integer<int>(bytes[static_cast<std::size_t>(i / 8)]) >> (i % 8) & 1) != 0;
      ASSERT_EQ(bit, sample.bits[i]);
    }
    EXPECT_EQ(Bits::from_bytes(size, bytes), sample.bits);
    if (size % 8 != 0) {
      bytes.back() |= std::byte{0x80};
      EXPECT_THROW(Bits::from_bytes(size, bytes), InputError);
    }
    bytes.push_back(std::byte{0});
    EXPECT_THROW(Bits::from_bytes(size, bytes), InputError);
    if (size > 0) {
      bytes.resize(bytes.size() - 2);
      EXPECT_THROW(Bits::from_bytes(size, bytes), InputError);
    }
  });
}

TEST(Bits, MeetIsBitwiseAnd) {
  for_many_samples([](const Sample& sample, std::mt19937& random) {
    const Sample other = random_sample(sample.bits.size(), 0.5, random);
    const Bits both = sample.bits & other.bits;
    for (std::size_t i = 0; i < sample.flags.size(); ++i) {
      ASSERT_EQ(both[static_cast<std::int64_t>(i)], sample.flags[i] && other.flags[i]);
    }
  });
  EXPECT_THROW(Bits(3, true) & Bits(4, true), Error);
}

TEST(Support, GatherThenScatterIsTheMaskedTensor) {
  for_many_samples([](const Sample& sample, std::mt19937& random) {
    std::vector<float> dense(sample.flags.size()), kept, expected_kept, expected_dense(dense.size(), 0.0F);
    for (float& value : dense) value = std::uniform_real_distribution<float>(-1, 1)(random);
    for (std::size_t i = 0; i < dense.size(); ++i) {
      if (!sample.flags[i]) continue;
      expected_kept.push_back(dense[i]);
      expected_dense[i] = dense[i];
    }
    gather_kept(dense, sample.bits, kept);
    EXPECT_EQ(kept, expected_kept);
    std::vector<float> back(dense.size(), 99.0F);
    scatter_kept(kept, sample.bits, back);
    EXPECT_EQ(back, expected_dense);
    zero_dropped(sample.bits, std::span<float>(dense));
    EXPECT_EQ(dense, expected_dense);
  });
}

TEST(Support, ZeroDroppedClearsNansAndWorksOnHalfWidth) {
  for_many_samples([](const Sample& sample, std::mt19937&) {
    std::vector<float> nans(sample.flags.size(), std::nanf(""));
    std::vector<std::uint16_t> halves(sample.flags.size(), 0xffffU);
    zero_dropped(sample.bits, std::span<float>(nans));
    zero_dropped(sample.bits, std::span<std::uint16_t>(halves));
    for (std::size_t i = 0; i < nans.size(); ++i) {
      ASSERT_EQ(std::isnan(nans[i]), sample.flags[i]);
      ASSERT_EQ(halves[i], sample.flags[i] ? 0xffffU : 0U);
    }
  });
}

TEST(Support, SizesMustFit) {
  const Bits support(10, true);
  std::vector<float> ten(10), nine(9);
  EXPECT_THROW(gather_kept(nine, support, std::span<float>(ten)), Error);
  EXPECT_THROW(gather_kept(ten, support, std::span<float>(nine)), Error);
  EXPECT_THROW(scatter_kept(nine, support, ten), Error);
  EXPECT_THROW(scatter_kept(ten, support, nine), Error);
  EXPECT_THROW(zero_dropped(support, std::span<float>(nine)), Error);
}

}  // namespace
}  // namespace coppice
