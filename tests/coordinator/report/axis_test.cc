#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "coordinator/report/svg_axis.h"

namespace coppice {
namespace {

TEST(Axis, TicksAreRoundAndEncloseTheData) {
  const AxisScale scale = make_axis(0.613, 0.861, 5, false);
  EXPECT_DOUBLE_EQ(scale.step, 0.05);
  EXPECT_DOUBLE_EQ(scale.least, 0.6);
  EXPECT_DOUBLE_EQ(scale.most, 0.9);
  ASSERT_EQ(scale.ticks.size(), 7U);
  EXPECT_NEAR(scale.ticks[3], 0.75, 1e-12);
  EXPECT_NEAR(scale.fraction(0.75), 0.5, 1e-12);
}

TEST(Axis, TightKeepsTheDataLimits) {
  const AxisScale scale = make_axis(0.5, 72.5, 7, true);
  EXPECT_DOUBLE_EQ(scale.least, 0.5);
  EXPECT_DOUBLE_EQ(scale.most, 72.5);
  EXPECT_DOUBLE_EQ(scale.ticks.front(), 20.0);
  EXPECT_DOUBLE_EQ(scale.ticks.back(), 60.0);
}

TEST(Axis, BytesHaveBinaryTicks) {
  const AxisScale scale = make_axis(0.0, 156208.0, 5, false, FigureKind::kBytes);
  EXPECT_DOUBLE_EQ(scale.step, 50.0 * 1024.0);
  EXPECT_EQ(tick_label(scale.ticks[0], scale.step, FigureKind::kBytes), "0");
  EXPECT_EQ(tick_label(scale.ticks[1], scale.step, FigureKind::kBytes), "50 KiB");
  const AxisScale larger = make_axis(0.0, 887376.0, 5, false, FigureKind::kBytes);
  EXPECT_EQ(tick_label(larger.ticks[1], larger.step, FigureKind::kBytes), "0.2 MiB");
  EXPECT_EQ(tick_label(larger.ticks.back(), larger.step, FigureKind::kBytes), "1.0 MiB");
}

TEST(Axis, LabelsHaveAsManyDigitsAsTheStepNeeds) {
  EXPECT_EQ(tick_label(0.8, 0.2, FigureKind::kPercent), "80 %");
  EXPECT_EQ(tick_label(0.805, 0.005, FigureKind::kPercent), "80.5 %");
  EXPECT_EQ(tick_label(0.25, 0.05, FigureKind::kNumber), "0.25");
  EXPECT_EQ(tick_label(20.0, 10.0, FigureKind::kNumber), "20");
  EXPECT_EQ(tick_label(5e6, 5e6, FigureKind::kCount), "5 M");
}

TEST(Axis, AnyInputGivesAScale) {
  const double inf = std::numeric_limits<double>::infinity(), nan = std::nan(""),
               most = std::numeric_limits<double>::max();
  const double values[] = {0.0,  -0.0,  1.0,   -1.0, 1e-320, 1e-300, 1e-9, 1.0 + 1e-16, 1e15 + 1,
                           1e99, -1e99, 1e100, most, -most,  inf,    -inf, nan};
  for (const double a : values) {
    for (const double b : values) {
      for (const bool tight : {false, true}) {
        for (const FigureKind kind : {FigureKind::kNumber, FigureKind::kBytes}) {
          const AxisScale scale = make_axis(a, b, 5, tight, kind);
          ASSERT_LT(scale.least, scale.most) << a << " " << b;
          ASSERT_GT(scale.step, 0.0) << a << " " << b;
          ASSERT_LE(scale.ticks.size(), 24U);
          ASSERT_TRUE(std::isfinite(scale.fraction(scale.least)) && std::isfinite(scale.fraction(scale.most)))
              << a << " " << b;
          for (const double tick : scale.ticks) ASSERT_FALSE(tick_label(tick, scale.step, kind).empty());
        }
      }
    }
  }
}

TEST(Axis, CostsThatSpanMuchAreLogarithmic) {
  const AxisScale density = make_cost_axis(0.02, 1.0, FigureKind::kPercent);
  ASSERT_TRUE(density.logarithmic);
  EXPECT_NEAR(density.most, 1.0, 1e-12);
  std::vector<std::string> labels;
  for (const double tick : density.ticks) labels.push_back(axis_label(density, tick, FigureKind::kPercent));
  EXPECT_EQ(labels, (std::vector<std::string>{"2 %", "5 %", "10 %", "20 %", "50 %", "100 %"}));
  EXPECT_NEAR(density.fraction(density.least), 0.0, 1e-12);
  EXPECT_NEAR(density.fraction(density.most), 1.0, 1e-12);
  EXPECT_NEAR(density.fraction(std::sqrt(density.least * density.most)), 0.5, 1e-12);

  const AxisScale bytes = make_cost_axis(3.0 * 1024, 2.5 * 1024 * 1024, FigureKind::kBytes);
  labels.clear();
  for (const double tick : bytes.ticks) labels.push_back(axis_label(bytes, tick, FigureKind::kBytes));
  EXPECT_EQ(labels, (std::vector<std::string>{"10 KiB", "100 KiB", "1 MiB"}));
}

TEST(Axis, CostsThatSpanLittleOrAreNotPositiveAreNot) {
  for (const auto& [least, most] : {std::pair(0.5, 1.0), std::pair(0.0, 10.0), std::pair(-1.0, 10.0), std::pair(3.0, 3.0)}) {
    const AxisScale scale = make_cost_axis(least, most, FigureKind::kCount);
    EXPECT_FALSE(scale.logarithmic) << least;
    EXPECT_LE(scale.least, 0.0);
    EXPECT_GE(scale.most, most);
  }
}

}  // namespace
}  // namespace coppice
