#include "core/config.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "core/config_text.h"

namespace coppice {
namespace {

TEST(Range, BoundariesAndWords) {
  EXPECT_TRUE(any_value().contains(-1e300));
  EXPECT_EQ(any_value().describe(), "");
  EXPECT_TRUE(at_least(2).contains(2));
  EXPECT_FALSE(at_least(2).contains(std::nextafter(2.0, 0.0)));
  EXPECT_EQ(at_least(2).describe(), ">= 2");
  EXPECT_FALSE(above(0).contains(0));
  EXPECT_EQ(above(0).describe(), "> 0");
  EXPECT_TRUE(within(0, 1).contains(1));
  EXPECT_EQ(within(0, 0.5).describe(), "in [0, 0.5]");
  EXPECT_FALSE(above_to(0, 1).contains(0));
  EXPECT_TRUE(above_to(0, 1).contains(1));
  EXPECT_EQ(above_to(0, 1).describe(), "in (0, 1]");
  EXPECT_FALSE(within(0, 1).contains(std::numeric_limits<double>::quiet_NaN()));
}

TEST(PlainNumber, IsShortAndReadsBack) {
  EXPECT_EQ(plain_number(0.1), "0.1");
  EXPECT_EQ(plain_number(100000.0), "100000");
  EXPECT_EQ(plain_number(-3.0), "-3");
  for (const double value : {1.0 / 3.0, 1e300, -5e-324, 1e15, 123456789.5, -0.0, 0x1.fffffffffffffp1023}) {
    EXPECT_EQ(std::strtod(plain_number(value).c_str(), nullptr), value) << plain_number(value);
    EXPECT_EQ(std::signbit(std::strtod(plain_number(value).c_str(), nullptr)), std::signbit(value));
  }
}

}  // namespace
}  // namespace coppice
