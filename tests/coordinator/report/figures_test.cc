#include "coordinator/report/figures.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace coppice {
namespace {

TEST(Figures, AreWrittenForPeople) {
  EXPECT_EQ(show_count(77898), "77,898");
  EXPECT_EQ(show_count(-1234567), "-1,234,567");
  EXPECT_EQ(show_count(999), "999");
  EXPECT_EQ(show_short_count(18704384), "18.7 M");
  EXPECT_EQ(show_bytes(318416), "311 KiB");
  EXPECT_EQ(show_bytes(-318416), "-311 KiB");
  EXPECT_EQ(show_bytes(-0.2), "0 B");
  EXPECT_EQ(show_percent(0.8408), "84.1 %");
  EXPECT_EQ(show_percent(0.8408, 2), "84.08 %");
  EXPECT_EQ(show_milliseconds(0.2414), "0.241 ms");
  EXPECT_EQ(show_seconds(0.0121), "12.1 ms");
  EXPECT_EQ(show_seconds(252.0), "4 min 12 s");
  EXPECT_EQ(show_seconds(-38.2), "-38.2 s");
}

TEST(Figures, SignificantDigitsFollowTheSize) {
  EXPECT_EQ(show_significant(0.0, 3), "0");
  EXPECT_EQ(show_significant(0.24136, 3), "0.241");
  EXPECT_EQ(show_significant(14.86, 3), "14.9");
  EXPECT_EQ(show_significant(1204.4, 3), "1,204");
  EXPECT_EQ(show_significant(0.0000123, 2), "1.2e-05");
}

TEST(Figures, NoFigureIsADash) {
  for (const double value : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    EXPECT_EQ(show_fixed(value, 2), "-");
    EXPECT_EQ(show_significant(value, 2), "-");
    EXPECT_EQ(show_count(value), "-");
    EXPECT_EQ(show_short_count(value), "-");
    EXPECT_EQ(show_bytes(value), "-");
    EXPECT_EQ(show_percent(value), "-");
    EXPECT_EQ(show_milliseconds(value), "-");
    EXPECT_EQ(show_seconds(value), "-");
  }
}

TEST(Figures, RoundedToZeroHasNoSign) {
  EXPECT_EQ(show_fixed(-0.001, 2), "0.00");
  EXPECT_EQ(show_fixed(-0.0, 0), "0");
  EXPECT_EQ(show_fixed(-0.006, 2), "-0.01");
}

TEST(Figures, StayShortHoweverLarge) {
  for (const double value : {1e15, -1e18, 1e19, -1e300, std::numeric_limits<double>::max()}) {
    for (const std::string& text :
         {show_fixed(value, 2), show_significant(value, 3), show_count(value), show_short_count(value),
          show_bytes(value), show_percent(value), show_milliseconds(value), show_seconds(value)}) {
      EXPECT_LT(text.size(), 24U) << text;
    }
  }
}

}  // namespace
}  // namespace coppice
