// The scale of one axis: round limits, round ticks, and labels for them.
#pragma once

#include <string>
#include <vector>

namespace coppice {

enum class FigureKind : unsigned char { kNumber, kPercent, kBytes, kCount, kMilliseconds };

struct AxisScale {
  double least = 0.0;
  double most = 1.0;
  std::vector<double> ticks;
  double step = 1.0;

  // Where a value lies: 0 at `least`, 1 at `most`.
  double fraction(double value) const { return (value - least) / (most - least); }
};

// Values of larger size are not drawn: their differences leave the range of a double.
constexpr double kLargestDrawn = 1e100;
bool can_draw(double value);

// Ticks at multiples of 1, 2 or 5 times a power of ten (of the KiB, MiB, ... that the axis spans where `kind` is
// bytes), about `wanted` of them. With `tight` the limits are the data's own, else the ticks that enclose them. Any
// input gives a scale with least < most.
AxisScale make_axis(double least, double most, int wanted, bool tight, FigureKind kind = FigureKind::kNumber);

std::string tick_label(double value, double step, FigureKind kind);

}  // namespace coppice
