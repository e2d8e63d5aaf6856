#include "core/exponent.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/exact_sum.h"

namespace coppice {
namespace {

TEST(ExponentHistogram, CountsByPowersOfTwo) {
  ExponentHistogram histogram;
  const std::vector<double> values = {0.0, -0.0, 1.0,    -1.5,  std::nextafter(2.0, 0.0),
                                      2.0, 0.25, 1e-300, 1e300, 0x1p-190};
  ASSERT_TRUE(histogram.add(Addend::of(values, 1.0)));
  const auto bin = [](int exponent) {
    return static_cast<std::size_t>(exponent - ExponentHistogram::kLeastExponent + 1);
  };
  EXPECT_EQ(histogram.counts()[0], 3);
  EXPECT_EQ(histogram.counts()[1], 1);
  EXPECT_EQ(histogram.counts()[bin(0)], 3);
  EXPECT_EQ(histogram.counts()[bin(1)], 1);
  EXPECT_EQ(histogram.counts()[bin(-2)], 1);
  EXPECT_EQ(histogram.counts()[ExponentHistogram::kBins - 1], 1);
}

TEST(ExponentHistogram, BoundIsTheNextPowerOfTwo) {
  const auto bound_of = [](double value) {
    ExponentHistogram histogram;
    EXPECT_TRUE(histogram.add(Addend::of(std::span<const double>(&value, 1), 1.0)));
    return histogram.bound();
  };
  EXPECT_EQ(bound_of(0.0), 0);
  EXPECT_EQ(bound_of(1.0), 1);
  EXPECT_EQ(bound_of(std::nextafter(1.0, 0.0)), 0);
  EXPECT_EQ(bound_of(-4.0), 3);
  EXPECT_EQ(bound_of(1e-20), std::ilogb(1e-20) + 1);
}

TEST(ExponentHistogram, NotFiniteIsRefusedAsAWhole) {
  ExponentHistogram histogram;
  EXPECT_FALSE(histogram.add(Addend::of(std::vector<float>{1.0F, std::numeric_limits<float>::infinity()}, 1.0)));
  EXPECT_FALSE(histogram.add(Addend::of(std::vector<float>{1.0F}, std::numeric_limits<double>::quiet_NaN())));
  EXPECT_EQ(histogram.counts(), ExponentHistogram().counts());
}

TEST(ExponentHistogram, AddsUpThroughExactSums) {
  ExactSums sums({{"probe", ExponentHistogram::kBins, {0}}}, 2);
  ExponentHistogram both;
  for (const float value : {3.0F, 1e-5F}) {
    const std::vector<float> values(5, value);
    ExponentHistogram one;
    ASSERT_TRUE(one.add(Addend::of(values, 2.0)));
    ASSERT_TRUE(both.add(Addend::of(values, 2.0)));
    ASSERT_EQ(sums.add(0, one.values(), 1.0), Fit::kFits);
  }
  EXPECT_EQ(ExponentHistogram::from_values(sums.decode(0)).counts(), both.counts());
  EXPECT_THROW(ExponentHistogram::from_values(std::vector<double>(255)), InputError);
  for (const double bad : {-1.0, 0.5, std::numeric_limits<double>::quiet_NaN(), 1e300}) {
    std::vector<double> values(ExponentHistogram::kBins, 0.0);
    values[3] = bad;
    EXPECT_THROW(ExponentHistogram::from_values(values), InputError) << bad;
  }
}

TEST(ChooseExponent, LargestValueWithItsHeadroomFitsAndOneMoreBitWouldNot) {
  for (const std::int64_t cohort : {1, 3, 10, 64, 100'000}) {
    for (const double largest : {1.0, 1.99, 1e-12, 7e9, 0.0625}) {
      for (const int headroom : {0, 6}) {
        ExponentHistogram histogram;
        ASSERT_TRUE(histogram.add(Addend::of(std::span<const double>(&largest, 1), 1.0)));
        const Exponent exponent = choose_exponent(histogram, cohort, headroom);
        const double grown = std::nextafter(std::exp2(histogram.bound()), 0.0) * std::exp2(headroom);
        ExactSums sums({{"x", 1, exponent}}, cohort);
        EXPECT_EQ(sums.add(0, std::span<const double>(&grown, 1), 1.0), Fit::kFits) << cohort << " " << largest;
        ExactSums finer({{"x", 1, {exponent.value + 1}}}, cohort);
        EXPECT_EQ(finer.add(0, std::span<const double>(&grown, 1), 1.0), Fit::kOverflow) << cohort << " " << largest;
        EXPECT_EQ(next_exponent(largest, cohort, headroom), exponent);
      }
    }
  }
}

TEST(ChooseExponent, EdgesAreClampedOrRefused) {
  EXPECT_EQ(choose_exponent(ExponentHistogram(), 1, 0).value, 62);
  EXPECT_EQ(next_exponent(0.0, 4, 10).value, 50);
  EXPECT_EQ(next_exponent(1e-300, 1, 0).value, kMostExponent);
  EXPECT_EQ(next_exponent(1e300, 1, 0).value, -kMostExponent);
  EXPECT_THROW(next_exponent(std::numeric_limits<double>::infinity(), 1, 0), Error);
  EXPECT_THROW(next_exponent(1.0, 0, 0), Error);
  EXPECT_THROW(next_exponent(1.0, 1, -1), Error);
  EXPECT_EQ(addend_limit(1), std::uint64_t{1} << 62);
  EXPECT_EQ(addend_limit(3), (std::uint64_t{1} << 62) / 3);
}

}  // namespace
}  // namespace coppice
