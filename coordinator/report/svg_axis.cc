#include "coordinator/report/svg_axis.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "coordinator/report/figures.h"

namespace coppice {
namespace {

constexpr int kMostTicks = 24;
constexpr double kBinary = 1024.0;
constexpr double kFewestForLogarithms = 4.0;
constexpr std::size_t kMostLogarithmicTicks = 7;
constexpr double kLargestInAUnit = 500.0;  // an axis that reaches further counts in the next unit: 0.5 MiB, not 512 KiB

double round_step(double rough) {
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (rough <= factor * power * 1.0001) return factor * power;
  }
  return 10.0 * power;
}

// In the one unit that all ticks of this step share.
std::string bytes_label(double value, double step) {
  constexpr std::array<const char*, 7> kUnits = {" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"};
  double unit = 1.0;
  std::size_t name = 0;
  for (; name + 1 < kUnits.size() && step >= unit * kBinary * 0.0999; ++name) unit *= kBinary;
  return show_fixed(value / unit, step / unit >= 0.999 ? 0 : 1) + kUnits[name];
}

// "5.00 M" -> "5 M"
std::string without_trailing_zeros(std::string text) {
  const std::size_t point = text.find('.');
  if (point == std::string::npos) return text;
  const std::size_t unit = std::min(text.find(' ', point), text.size());
  const std::size_t last = text.find_last_not_of('0', unit - 1);
  const std::size_t end = last == point ? point : last + 1;
  return text.erase(end, unit - end);
}

}  // namespace

bool can_draw(double value) { return std::isfinite(value) && std::abs(value) <= kLargestDrawn; }

AxisScale make_axis(double least, double most, int wanted, bool tight, FigureKind kind) {
  if (!can_draw(least) || !can_draw(most) || least > most) least = 0.0, most = 1.0;
  // Equal, or so close that a tick cannot be told from the next in a double.
  const double smallest_span = std::max(std::abs(least), std::abs(most)) * 1e-9;
  if (most - least <= smallest_span || most - least < 1e-200) {
    const double half = std::max(std::abs(least), std::abs(most)) * 0.05;
    least -= half > 0.0 ? half : 0.5;
    most += half > 0.0 ? half : 0.5;
  }
  AxisScale scale;
  double unit = 1.0;
  while (kind == FigureKind::kBytes && most - least >= kLargestInAUnit * unit) unit *= kBinary;
  scale.step = unit * round_step((most - least) / wanted / unit);
  scale.least = tight ? least : std::floor(least / scale.step + 1e-6) * scale.step;
  scale.most = tight ? most : std::ceil(most / scale.step - 1e-6) * scale.step;
  const double first = std::ceil(scale.least / scale.step - 1e-6);
  for (int i = 0; i < kMostTicks; ++i) {
    const double tick = (first + i) * scale.step;
    if (tick > scale.most + scale.step * 1e-6) break;
    scale.ticks.push_back(tick);
  }
  return scale;
}

double AxisScale::fraction(double value) const {
  return logarithmic ? std::log(value / least) / std::log(most / least) : (value - least) / (most - least);
}

AxisScale make_cost_axis(double least, double most, FigureKind kind) {
  if (!can_draw(least) || !can_draw(most) || least < 1e-30 || most < kFewestForLogarithms * least) {
    return make_axis(std::min(0.0, least), most, 5, false, kind);
  }
  AxisScale scale;
  scale.logarithmic = true;
  const double air = std::pow(most / least, 0.05);
  scale.least = least / air;
  scale.most = kind == FigureKind::kPercent ? std::min(most * air, std::max(most, 1.0)) : most * air;
  // 1, 2, 5, 10, ... of a unit that is a power of ten, or of 1024 for bytes; only 1, 10, 100 where that is enough.
  const auto add_ticks = [&](std::initializer_list<double> digits) {
    scale.ticks.clear();
    const double base = kind == FigureKind::kBytes ? kBinary : 1000.0;
    const int first = static_cast<int>(std::floor(std::log(scale.least) / std::log(base))) - 1;
    const int last = static_cast<int>(std::ceil(std::log(scale.most) / std::log(base)));
    for (int power = first; power <= last; ++power) {
      for (const double decade : {1.0, 10.0, 100.0}) {
        for (const double digit : digits) {
          const double tick = digit * decade * std::pow(base, power);
          if (tick >= scale.least * (1.0 - 1e-9) && tick <= scale.most * (1.0 + 1e-9)) scale.ticks.push_back(tick);
        }
      }
    }
  };
  add_ticks({1.0, 2.0, 5.0});
  if (scale.ticks.size() > kMostLogarithmicTicks) add_ticks({1.0});
  return scale;
}

std::string tick_label(double value, double step, FigureKind kind) {
  switch (kind) {
    case FigureKind::kPercent: {
      const double points = step * 100.0;
      return show_percent(value, points >= 0.999 ? 0 : points >= 0.0999 ? 1 : 2);
    }
    case FigureKind::kBytes:
      return value == 0.0 ? "0" : bytes_label(value, step);
    case FigureKind::kCount:
      return without_trailing_zeros(show_short_count(value));
    case FigureKind::kNumber:
    case FigureKind::kMilliseconds:
      break;
  }
  if (value == 0.0) return "0";
  if (std::abs(value) >= 1e6 || step < 1e-4) return show_significant(value, 3);
  return show_fixed(value, step >= 0.999 ? 0 : std::max(0, static_cast<int>(std::ceil(-std::log10(step) - 1e-6))));
}

std::string axis_label(const AxisScale& scale, double value, FigureKind kind, double finer) {
  if (!scale.logarithmic) return tick_label(value, scale.step / finer, kind);
  return kind == FigureKind::kBytes ? without_trailing_zeros(show_bytes(value)) : tick_label(value, value / finer, kind);
}

}  // namespace coppice
