// A chart of quality against cost: curves of named points with error bars, the cost on a logarithmic axis where it spans much.
// Inline SVG as svg_plot.h makes it; curves are told apart by colour, dash and marker (classes t0..t7; more begin again).
#pragma once

#include <string>
#include <vector>

#include "coordinator/report/svg_axis.h"

namespace coppice {

struct TradeoffPoint {
  std::string name;
  double x = 0.0;
  double y = 0.0;
  double error = 0.0;  // of y; not finite: none
};

struct TradeoffCurve {
  std::string name;
  std::vector<TradeoffPoint> points;  // in any order
};

struct TradeoffChart {
  std::string title;
  std::string note;
  FigureKind x_kind = FigureKind::kNumber;
  FigureKind y_kind = FigureKind::kPercent;
  std::string x_label;
  std::vector<TradeoffCurve> curves;
};

// "" where there is nothing to draw: no finite point.
std::string draw(const TradeoffChart& chart);

}  // namespace coppice
