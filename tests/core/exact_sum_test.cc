#include "core/exact_sum.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/seed.h"

namespace coppice {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::vector<float> random_floats(std::uint64_t run, std::size_t n, double magnitude) {
  Stream stream(Seed{.run = run}, Purpose::kTest);
  std::vector<float> out(n);
  for (float& value : out) value = static_cast<float>(stream.normal() * magnitude);
  return out;
}

std::vector<Simd> supported() {
  std::vector<Simd> out;
  for (const Simd simd : {Simd::kScalar, Simd::kAvx2, Simd::kAvx512}) {
    if (is_supported(simd)) out.push_back(simd);
  }
  return out;
}

std::vector<std::int64_t> bits_of(const ExactSums& sums) { return {sums.words().begin(), sums.words().end()}; }

TEST(ExactSums, AnyOrderAndAnySplitOverRanksGiveTheSameBits) {
  constexpr int kClients = 24;
  constexpr std::size_t kCount = 301;
  const std::vector<SumSpec> specs = {{"delta", kCount, {40}}, {"weight", 1, {20}}};
  std::vector<std::vector<float>> reports;
  for (std::uint64_t c = 0; c < kClients; ++c)
    reports.push_back(random_floats(c, kCount, std::exp2(static_cast<double>(c % 7))));
  const auto add_client = [&](ExactSums& sums, std::size_t c) {
    const double weight = 1.0 + static_cast<double>(c) / 3.0;
    ASSERT_EQ(sums.add(0, reports[c], weight), Fit::kFits);
    ASSERT_EQ(sums.add(1, std::span(&weight, 1), 1.0), Fit::kFits);
  };
  ExactSums expected(specs, kClients);
  for (std::size_t c = 0; c < kClients; ++c) add_client(expected, c);

  Stream stream(Seed{.run = 7}, Purpose::kTest, 1);
  for (int trial = 0; trial < 20; ++trial) {
    std::vector<std::int64_t> order = stream.sample_without_replacement(kClients, kClients);
    const std::size_t ranks = 1 + stream.below(5);
    std::vector<ExactSums> partial;
    for (std::size_t r = 0; r < ranks; ++r) partial.emplace_back(specs, kClients);
    for (const std::int64_t c : order) add_client(partial[stream.below(ranks)], static_cast<std::size_t>(c));
    ExactSums total(specs, kClients);
    for (const std::int64_t r :
         stream.sample_without_replacement(static_cast<std::int64_t>(ranks), static_cast<std::int64_t>(ranks))) {
      total.merge(partial[static_cast<std::size_t>(r)]);
    }
    ASSERT_EQ(bits_of(total), bits_of(expected)) << "trial " << trial;
    ASSERT_EQ(total.addends(0), kClients);
  }
}

TEST(ExactSums, EveryInstructionSetGivesTheBitsOfLlrint) {
  Stream stream(Seed{.run = 3}, Purpose::kTest);
  for (const Simd simd : supported()) {
    for (int trial = 0; trial < 200; ++trial) {
      const std::size_t n = stream.below(70), skew = stream.below(9);
      const int exponent = static_cast<int>(stream.below(50)) - 10;
      const double scale = trial % 4 == 0 ? 1.0 : stream.normal() * 3.0;
      std::vector<float> after = random_floats(stream.next_u64(), n + skew, std::exp2(stream.below(16)));
      std::vector<float> before = random_floats(stream.next_u64(), n + skew, 1.0);
      std::vector<double> wide(after.begin(), after.end());
      for (double& value : wide) value += stream.uniform();
      // Halves, where the direction of rounding shows.
      for (std::size_t i = 0; i < n; i += 5)
        wide[skew + i] = (static_cast<double>(stream.below(1000)) + 0.5) / (scale * std::exp2(exponent));
      const auto a = std::span(after).subspan(skew), b = std::span(before).subspan(skew);
      const auto d = std::span(wide).subspan(skew);
      const double factor = scale * std::exp2(exponent);
      std::vector<std::int64_t> floats(n), doubles(n), differences(n);
      for (std::size_t i = 0; i < n; ++i) {
        floats[i] = std::llrint(static_cast<double>(a[i]) * factor);
        doubles[i] = std::llrint(d[i] * factor);
        differences[i] = std::llrint((static_cast<double>(a[i]) - static_cast<double>(b[i])) * factor);
      }
      ExactSums sums({{"f", n, {exponent}}, {"d", n, {exponent}}, {"x", n, {exponent}}}, 2, simd);
      ASSERT_EQ(sums.add(0, a, scale), Fit::kFits);
      ASSERT_EQ(sums.add(1, d, scale), Fit::kFits);
      ASSERT_EQ(sums.add(2, Addend::difference(a, b, scale)), Fit::kFits);
      ASSERT_TRUE(std::ranges::equal(sums.words(0), floats)) << static_cast<int>(simd) << " trial " << trial;
      ASSERT_TRUE(std::ranges::equal(sums.words(1), doubles)) << static_cast<int>(simd) << " trial " << trial;
      ASSERT_TRUE(std::ranges::equal(sums.words(2), differences)) << static_cast<int>(simd) << " trial " << trial;
    }
  }
}

TEST(ExactSums, LargeValuesAreConvertedToTheLastBit) {
  for (const Simd simd : supported()) {
    for (int e = 30; e <= 60; ++e) {
      std::vector<double> values;
      for (const double v : {std::exp2(e), std::exp2(e) - 1.0, std::exp2(e) + 1.0, std::exp2(e) * 1.3}) {
        values.insert(values.end(), {v, -v});
      }
      ExactSums sums({{"x", values.size(), {0}}}, 1, simd);
      ASSERT_EQ(sums.add(0, values, 1.0), Fit::kFits);
      for (std::size_t i = 0; i < values.size(); ++i) {
        ASSERT_EQ(sums.words()[i], std::llrint(values[i])) << static_cast<int>(simd) << " 2^" << e;
      }
    }
  }
}

TEST(ExactSums, RefusesExactlyAboveTheLimitAndThenAddsNothing) {
  for (const Simd simd : supported()) {
    for (const std::int64_t cohort : {1, 2, 3, 10, 1000, 1 << 20}) {
      const auto limit = static_cast<std::int64_t>((std::uint64_t{1} << 62) / static_cast<std::uint64_t>(cohort));
      auto most = static_cast<double>(limit);
      if (static_cast<std::int64_t>(most) > limit) most = std::nextafter(most, 0.0);
      const double over = std::max(std::nextafter(most, kInfinity), most + 1.0);
      for (std::size_t n : {1, 3, 8, 21}) {
        for (std::size_t at = 0; at < n; ++at) {
          std::vector<double> values(n, 1.0);
          ExactSums sums({{"x", n, {0}}}, cohort, simd);
          for (const double bad : {over, -over, 1e300, -1e300, 0x1p63, -0x1p63}) {
            values[at] = bad;
            ASSERT_EQ(sums.add(0, values, 1.0), Fit::kOverflow) << cohort << " " << bad;
          }
          for (const double bad : {kNan, kInfinity, -kInfinity}) {
            values[at] = bad;
            ASSERT_EQ(sums.add(0, values, 1.0), Fit::kNotFinite) << bad;
          }
          ASSERT_EQ(sums.addends(0), 0);
          ASSERT_EQ(bits_of(sums), std::vector<std::int64_t>(n, 0));
          for (const double good : {most, -most}) {
            ExactSums fresh({{"x", n, {0}}}, cohort, simd);
            values[at] = good;
            ASSERT_EQ(fresh.add(0, values, 1.0), Fit::kFits) << cohort << " " << good;
            ASSERT_EQ(fresh.words()[at], static_cast<std::int64_t>(good));
          }
        }
      }
    }
  }
}

TEST(ExactSums, AFullCohortOfLargestValuesDoesNotWrap) {
  const std::int64_t cohort = 7;
  ExactSums sums({{"x", 1, {0}}}, cohort);
  const double most = std::nextafter(static_cast<double>((std::uint64_t{1} << 62) / 7), 0.0);
  for (int i = 0; i < cohort; ++i) ASSERT_EQ(sums.add(0, std::span(&most, 1), 1.0), Fit::kFits);
  EXPECT_EQ(sums.words()[0], 7 * static_cast<std::int64_t>(most));
  EXPECT_THROW((void)sums.add(0, std::span(&most, 1), 1.0), Error);
  ExactSums other({{"x", 1, {0}}}, cohort);
  ASSERT_EQ(other.add(0, std::span(&most, 1), 1.0), Fit::kFits);
  EXPECT_THROW(sums.merge(other), Error);
  sums.clear();
  EXPECT_EQ(sums.words()[0], 0);
  EXPECT_EQ(sums.add(0, std::span(&most, 1), 1.0), Fit::kFits);
}

TEST(ExactSums, ScalesThatAreNotFiniteAreRefused) {
  ExactSums sums({{"x", 2, {kMostExponent}}}, 4);
  const std::vector<float> zeros = {0.0F, 0.0F}, ones = {1.0F, 1.0F};
  EXPECT_EQ(sums.add(0, ones, kNan), Fit::kNotFinite);
  EXPECT_EQ(sums.add(0, ones, kInfinity), Fit::kNotFinite);
  EXPECT_EQ(sums.add(0, zeros, 1e300), Fit::kOverflow);
  EXPECT_EQ(sums.add(0, zeros, 1.0), Fit::kFits);
  EXPECT_EQ(bits_of(sums), (std::vector<std::int64_t>{0, 0}));
}

TEST(ExactSums, DecodingErrsByHalfAUnitForEachAddend) {
  constexpr std::size_t kCount = 257;
  constexpr int kClients = 50;
  for (const int exponent : {-3, 0, 5, 20}) {
    ExactSums sums({{"x", kCount, {exponent}}}, kClients);
    std::vector<long double> truth(kCount, 0.0L);
    for (std::uint64_t c = 0; c < kClients; ++c) {
      const std::vector<float> values = random_floats(c, kCount, 100.0);
      ASSERT_EQ(sums.add(0, values, 0.5), Fit::kFits);
      for (std::size_t i = 0; i < kCount; ++i) truth[i] += 0.5L * static_cast<long double>(values[i]);
    }
    const std::vector<double> decoded = sums.decode(0);
    double worst = 0.0;
    for (std::size_t i = 0; i < kCount; ++i)
      worst = std::max(worst, std::fabs(decoded[i] - static_cast<double>(truth[i])));
    EXPECT_LE(worst, kClients * std::exp2(-(exponent + 1)) + 1e-9);
    EXPECT_GT(worst, 0.0);
    const double largest = std::fabs(*std::ranges::max_element(decoded, {}, [](double x) { return std::fabs(x); }));
    EXPECT_EQ(sums.max_abs(0), largest);
  }
}

TEST(ExactSums, BlocksAreContiguousInTheOrderOfTheirSpecs) {
  ExactSums sums({{"a", 2, {0}}, {"empty", 0, {0}}, {"b", 3, {1}}}, 1);
  EXPECT_EQ(sums.words().size(), 5U);
  EXPECT_EQ(sums.index_of("b"), 2U);
  EXPECT_EQ(sums.words(2).data(), sums.words().data() + 2);
  EXPECT_EQ(sums.add(sums.index_of("b"), std::vector<float>{1, 2, 3}, 1.0), Fit::kFits);
  EXPECT_EQ(bits_of(sums), (std::vector<std::int64_t>{0, 0, 2, 4, 6}));
  EXPECT_EQ(sums.add(1, std::vector<float>{}, 1.0), Fit::kFits);
  EXPECT_EQ(sums.decode(2), (std::vector<double>{1, 2, 3}));
}

TEST(ExactSums, MisuseIsADefect) {
  EXPECT_THROW(ExactSums({{"a", 1, {0}}, {"a", 1, {0}}}, 1), Error);
  EXPECT_THROW(ExactSums({{"a", 1, {kMostExponent + 1}}}, 1), Error);
  EXPECT_THROW(ExactSums({{"a", 1, {0}}}, 0), Error);
  EXPECT_THROW(ExactSums({{"a", SIZE_MAX / 8, {0}}, {"b", SIZE_MAX / 8, {0}}}, 1), Error);
  ExactSums sums({{"a", 2, {0}}}, 1);
  EXPECT_THROW((void)sums.add(0, std::vector<float>{1}, 1.0), Error);
  EXPECT_THROW((void)sums.index_of("b"), Error);
  EXPECT_THROW(sums.merge(ExactSums({{"a", 2, {1}}}, 1)), Error);
  EXPECT_THROW(sums.merge(ExactSums({{"a", 2, {0}}}, 2)), Error);
  std::vector<double> three(3), one(1);
  EXPECT_THROW(sums.decode(0, 0, three), Error);
  EXPECT_THROW(sums.decode(0, 2, one), Error);
}

TEST(Addend, ChosenElementsEqualTheSameElementsCopiedOut) {
  Stream stream(Seed{.run = 11}, Purpose::kTest);
  for (int trial = 0; trial < 30; ++trial) {
    const std::size_t size = stream.below(5000);
    const double density = trial % 3 == 0 ? 0.01 : stream.uniform();
    const std::vector<float> after = random_floats(stream.next_u64(), size, 1.0), before = random_floats(1, size, 1.0);
    const std::vector<double> wide(after.begin(), after.end());
    std::vector<std::uint64_t> bitmap((size + 63) / 64);
    std::vector<std::uint32_t> positions;
    std::vector<float> kept_after, kept_before;
    for (std::uint32_t i = 0; i < size; ++i) {
      if (stream.uniform() >= density) continue;
      bitmap[i / 64] |= std::uint64_t{1} << (i % 64);
      positions.push_back(i);
      kept_after.push_back(after[i]);
      kept_before.push_back(before[i]);
    }
    const std::size_t kept = positions.size();
    std::vector<SumSpec> specs;
    for (const char* name : {"want", "at", "kept", "want d", "at d", "kept d", "doubles"})
      specs.push_back({name, kept, {30}});
    specs.push_back({"dense", size, {30}});
    ExactSums sums(specs, 3);
    ASSERT_EQ(sums.add(0, kept_after, 1.5), Fit::kFits);
    ASSERT_EQ(sums.add(1, Addend::of(after, 1.5).at(positions)), Fit::kFits);
    ASSERT_EQ(sums.add(2, Addend::of(after, 1.5).kept(bitmap)), Fit::kFits);
    ASSERT_EQ(sums.add(3, Addend::difference(kept_after, kept_before, -2.5)), Fit::kFits);
    ASSERT_EQ(sums.add(4, Addend::difference(after, before, -2.5).at(positions)), Fit::kFits);
    ASSERT_EQ(sums.add(5, Addend::difference(after, before, -2.5).kept(bitmap)), Fit::kFits);
    ASSERT_EQ(sums.add(6, Addend::of(wide, 1.5).kept(bitmap)), Fit::kFits);
    for (const std::size_t same : {1, 2, 6}) ASSERT_TRUE(std::ranges::equal(sums.words(0), sums.words(same)));
    for (const std::size_t same : {4, 5}) ASSERT_TRUE(std::ranges::equal(sums.words(3), sums.words(same)));

    ASSERT_EQ(sums.add(7, Addend::of(kept_after, 1.5).scattered(positions)), Fit::kFits);
    ASSERT_EQ(sums.add(7, Addend::of(kept_after, 1.5).scattered(positions)), Fit::kFits);
    std::vector<std::int64_t> dense(size, 0);
    for (std::size_t i = 0; i < kept; ++i) dense[positions[i]] = 2 * sums.words(0)[i];
    ASSERT_TRUE(std::ranges::equal(sums.words(7), dense));
  }
}

TEST(Addend, WrongPositionsAndBitmapsAreRefused) {
  const std::vector<float> values = {1, 2, 3};
  const std::vector<std::uint32_t> outside = {0, 3}, inside = {0, 2, 1};
  const std::vector<std::uint64_t> spare = {8}, good = {5}, two = {1, 0};
  EXPECT_THROW(Addend::of(values, 1.0).at(outside), Error);
  EXPECT_THROW(Addend::of(values, 1.0).kept(spare), Error);
  EXPECT_THROW(Addend::of(values, 1.0).kept(two), Error);
  EXPECT_THROW(Addend::of(values, 1.0).scattered(outside), Error);
  EXPECT_THROW(Addend::of(values, 1.0).kept(good).at(inside), Error);
  EXPECT_THROW(Addend::difference(values, std::span(values).first(2), 1.0), Error);
  ExactSums sums({{"a", 2, {0}}}, 5);
  EXPECT_THROW((void)sums.add(0, Addend::of(values, 1.0).scattered(inside)), Error);
  EXPECT_EQ(bits_of(sums), (std::vector<std::int64_t>{0, 0}));
}

TEST(Contribution, IsAllOrNothing) {
  const std::vector<SumSpec> specs = {{"a", 3000, {20}}, {"b", 5, {20}}, {"s", 2000, {20}}};
  const std::vector<float> a = random_floats(1, 3000, 10.0), before = random_floats(2, 3000, 10.0);
  const std::vector<float> good = {1, 2, 3, 4, 5}, s = random_floats(3, 3, 1.0);
  const std::vector<std::uint32_t> at = {7, 1999, 0};
  for (const Simd simd : supported()) {
    ExactSums sums(specs, 4, simd);
    {
      Contribution first(sums);
      ASSERT_EQ(first.add(0, Addend::difference(a, before, 0.3)), Fit::kFits);
      ASSERT_EQ(first.add(1, Addend::of(good, 1.0)), Fit::kFits);
      first.commit();
    }
    const std::vector<std::int64_t> committed = bits_of(sums);
    for (const auto& [last, fit] : std::vector<std::pair<float, Fit>>{
             {std::numeric_limits<float>::quiet_NaN(), Fit::kNotFinite}, {1e30F, Fit::kOverflow}}) {
      Contribution second(sums);
      ASSERT_EQ(second.add(0, Addend::difference(before, a, 0.7)), Fit::kFits);
      ASSERT_EQ(second.add(2, Addend::of(s, 1.0).scattered(at)), Fit::kFits);
      const std::vector<float> bad = {1, 2, 3, 4, last};
      ASSERT_EQ(second.add(1, Addend::of(bad, 1.0)), fit);
      ASSERT_NE(bits_of(sums), committed);
    }
    EXPECT_EQ(bits_of(sums), committed);
    EXPECT_EQ(sums.addends(0), 1);
    EXPECT_EQ(sums.addends(2), 0);
  }
}

}  // namespace
}  // namespace coppice
