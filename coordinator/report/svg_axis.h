// The scale of one axis: round limits, round ticks, and labels for them.
#pragma once

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

namespace coppice {

enum class FigureKind : unsigned char { kNumber, kPercent, kBytes, kCount, kMilliseconds };

struct AxisScale {
  double least = 0.0;
  double most = 1.0;
  std::vector<double> ticks;
  double step = 1.0;
  bool logarithmic = false;  // least > 0; no step

  // Where a value lies: 0 at `least`, 1 at `most`.
  double fraction(double value) const;
};

// What the values of a plot span.
struct Extent {
  double least = std::numeric_limits<double>::infinity();
  double most = -std::numeric_limits<double>::infinity();

  void add(double value) {
    least = std::min(least, value);
    most = std::max(most, value);
  }
  bool empty() const { return least > most; }
};

// Values of larger size are not drawn: their differences leave the range of a double.
constexpr double kLargestDrawn = 1e100;
bool can_draw(double value);

// Ticks at multiples of 1, 2 or 5 times a power of ten (of the KiB, MiB, ... that the axis spans where `kind` is
// bytes), about `wanted` of them. With `tight` the limits are the data's own, else the ticks that enclose them. Any
// input gives a scale with least < most.
AxisScale make_axis(double least, double most, int wanted, bool tight, FigureKind kind = FigureKind::kNumber);

// Of a cost: logarithmic where positive values span a factor of four and more, else as make_axis has it, from zero.
AxisScale make_cost_axis(double least, double most, FigureKind kind);

std::string tick_label(double value, double step, FigureKind kind);
// The same of an axis, with as many digits as its ticks need; `finer` times finer for a value between them.
std::string axis_label(const AxisScale& scale, double value, FigureKind kind, double finer = 1.0);

}  // namespace coppice
