// Line and scatter charts as inline SVG inside an HTML <figure>: colours come from the page's style sheet (classes
// s0..s3), so one drawing serves light, dark and paper. Names are escaped here; values that cannot be drawn leave a
// gap.
#pragma once

#include <string>
#include <vector>

#include "coordinator/report/svg_axis.h"

namespace coppice {

// Colour and dash of a series; the style sheet gives them meaning.
enum class LineStyle : unsigned char { kMain = 0, kTwin = 1, kTrain = 2, kLimit = 3 };

struct LineSeries {
  std::string name;
  LineStyle style = LineStyle::kMain;
  std::vector<double> xs;  // ascending
  std::vector<double> ys;
};

// A stage: rounds first..last on the x axis.
struct StageBand {
  std::string name;
  double first = 0.0;
  double last = 0.0;
};

struct LineChart {
  std::string title;
  std::string note;  // under the title; may be empty
  FigureKind kind = FigureKind::kNumber;
  bool from_zero = false;
  std::vector<LineSeries> series;
  std::vector<StageBand> bands;
};

struct ScatterPoint {
  std::string name;
  double x = 0.0;
  double y = 0.0;
  bool is_result = false;
};

struct ScatterChart {
  std::string title;
  std::string note;
  FigureKind x_kind = FigureKind::kNumber;
  FigureKind y_kind = FigureKind::kPercent;
  std::string x_label;
  std::vector<ScatterPoint> points;
};

// "" where there is nothing to draw. A line of more than 1200 points is thinned to the least and largest value of each
// bucket.
std::string draw(const LineChart& chart);
std::string draw(const ScatterChart& chart);

}  // namespace coppice
