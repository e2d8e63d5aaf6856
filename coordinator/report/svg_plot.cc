#include "coordinator/report/svg_plot.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>

#include "coordinator/report/figures.h"
#include "coordinator/report/html_text.h"
#include "coordinator/report/svg_canvas.h"

namespace coppice {
namespace {

constexpr std::size_t kMostLinePoints = 1200;
constexpr std::size_t kMostMarkedPoints = 50;
constexpr double kLetterWidth = 6.2;  // of a label, in canvas units
constexpr double kLabelHeight = 14.0;

std::string open_svg(const std::string& title, const std::string& more = "") {
  return "<svg class=\"plot\" role=\"img\" aria-label=\"" + escape_html(title) + "\" viewBox=\"0 0 " +
         coordinate(kCanvasWidth) + " " + coordinate(kCanvasHeight) + "\"" + more + ">";
}

std::string style_class(LineStyle style) { return std::string("s") + static_cast<char>('0' + static_cast<int>(style)); }

// Buckets of neighbours, each reduced to its least and its largest value in the order they came.
LineSeries thinned(const LineSeries& series) {
  if (series.xs.size() <= kMostLinePoints) return series;
  LineSeries thin{.name = series.name, .style = series.style, .xs = {}, .ys = {}};
  constexpr std::size_t kBuckets = kMostLinePoints / 2;
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
    const std::size_t begin = bucket * series.xs.size() / kBuckets, end = (bucket + 1) * series.xs.size() / kBuckets;
    std::size_t low = begin, high = begin;
    for (std::size_t i = begin; i < end; ++i) {
      if (!can_draw(series.ys[low]) || series.ys[i] < series.ys[low]) low = i;
      if (!can_draw(series.ys[high]) || series.ys[i] > series.ys[high]) high = i;
    }
    for (const std::size_t i : {std::min(low, high), std::max(low, high)}) {
      thin.xs.push_back(series.xs[i]);
      thin.ys.push_back(series.ys[i]);
      if (low == high) break;
    }
  }
  return thin;
}

// The numbers behind a line, for the tooltip.
std::string data_list(const std::vector<double>& values) {
  std::string text;
  for (const double value : values) {
    std::array<char, 40> number{};
    if (can_draw(value)) std::snprintf(number.data(), number.size(), "%.6g", value);
    if (!text.empty()) text += ' ';
    text += can_draw(value) ? number.data() : "x";
  }
  return text;
}

std::string kind_name(FigureKind kind) {
  switch (kind) {
    case FigureKind::kPercent:
      return "percent";
    case FigureKind::kBytes:
      return "bytes";
    default:
      return "number";
  }
}

std::string draw_series(const LineSeries& whole, const Canvas& canvas, FigureKind kind) {
  const LineSeries series = thinned(whole);
  std::string path, marks;
  bool pen_down = false;
  for (std::size_t i = 0; i < series.xs.size(); ++i) {
    if (!can_draw(series.ys[i])) {
      pen_down = false;
      continue;
    }
    const std::string x = coordinate(canvas.px(series.xs[i])), y = coordinate(canvas.py(series.ys[i]));
    path += (pen_down ? "L" : "M") + x + " " + y;
    pen_down = true;
    const auto drawn = [&](std::size_t at) { return at < series.ys.size() && can_draw(series.ys[at]); };
    const bool alone = !drawn(i - 1) && !drawn(i + 1);  // nothing of a line to be seen
    const bool marked = series.style != LineStyle::kTrain && series.xs.size() <= kMostMarkedPoints;
    if (alone || marked) marks += "<circle cx=\"" + x + "\" cy=\"" + y + "\" r=\"" + (alone ? "3.6" : "2.2") + "\"/>";
  }
  return "<g class=\"series " + style_class(series.style) + "\" data-name=\"" + escape_html(series.name) +
         "\" data-kind=\"" + kind_name(kind) + "\" data-x=\"" + data_list(series.xs) + "\" data-y=\"" +
         data_list(series.ys) + "\"><path d=\"" + path + "\"/>" + marks + "</g>";
}

std::string draw_bands(const std::vector<StageBand>& bands, const Canvas& canvas) {
  std::string svg;
  double free_from = 0.0;  // labels of narrow bands give way to their left neighbour's
  for (std::size_t i = 0; i < bands.size(); ++i) {
    const double left = std::max(canvas.px(bands[i].first - 0.5), kMarginLeft);
    const double right = std::min(canvas.px(bands[i].last + 0.5), kMarginLeft + kPlotWidth);
    svg += "<rect class=\"band" + std::string(i % 2 == 0 ? " even" : "") + "\" x=\"" + coordinate(left) + "\" y=\"" +
           coordinate(kMarginTop) + "\" width=\"" + coordinate(std::max(right - left, 0.5)) + "\" height=\"" +
           coordinate(kPlotHeight) + "\" data-name=\"" + escape_html(bands[i].name) + "\" data-first=\"" +
           show_fixed(bands[i].first, 0) + "\" data-last=\"" + show_fixed(bands[i].last, 0) + "\"/>";
    const double half = static_cast<double>(bands[i].name.size()) * kLetterWidth / 2;
    const double middle = std::clamp((left + right) / 2, half, kCanvasWidth - half);
    if (half * 2 > kPlotWidth || middle - half < free_from) continue;
    svg += svg_text("stage", middle, kMarginTop - 6, "middle", bands[i].name);
    free_from = middle + half + kLetterWidth;
  }
  return svg;
}

struct Box {
  double left, top, right, bottom;

  bool meets(const Box& other) const {
    return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
  }
};

// Names beside their points: each at the first place, near to far, that covers no point and no other name.
std::string draw_names(const std::vector<const ScatterPoint*>& points, const Canvas& canvas) {
  std::vector<Box> taken;
  for (const ScatterPoint* point : points) {
    const double x = canvas.px(point->x), y = canvas.py(point->y);
    taken.push_back({x - 6, y - 6, x + 6, y + 6});
  }
  const Box plot{kMarginLeft, kMarginTop - 8, kCanvasWidth, kMarginTop + kPlotHeight};
  std::string svg;
  for (const ScatterPoint* point : points) {
    const double x = canvas.px(point->x), y = canvas.py(point->y);
    const double length = static_cast<double>(point->name.size()) * kLetterWidth;
    for (int attempt = 0; attempt < 40; ++attempt) {  // the last attempt stands, whatever it covers
      const bool leftwards = attempt % 2 == 1;
      const int away = attempt / 2;
      const double drop = (away % 2 == 1 ? -0.5 : 0.5) * (away + away % 2) * kLabelHeight;
      const double side = leftwards ? -1.0 : 1.0, gap = drop == 0.0 ? 9.0 : 16.0;
      const double start = x + side * gap, middle = y + drop;
      const Box box{leftwards ? start - length : start, middle - 6.5, leftwards ? start : start + length, middle + 6.5};
      const bool inside =
          box.left >= plot.left && box.right <= plot.right && box.top >= plot.top && box.bottom <= plot.bottom;
      const bool covers = std::any_of(taken.begin(), taken.end(), [&](const Box& other) { return box.meets(other); });
      if ((!inside || covers) && attempt < 39) continue;
      taken.push_back(box);
      if (drop != 0.0) svg += svg_line("leader", x + side * 5, y + (drop > 0 ? 3 : -3), x + side * 14, middle);
      svg += svg_text(point->is_result ? "point-name result" : "point-name", start, middle + 4,
                      leftwards ? "end" : "start", point->name);
      break;
    }
  }
  return svg;
}

}  // namespace

std::string draw(const LineChart& chart) {
  Extent x, y;
  std::string legend;
  for (const LineSeries& series : chart.series) {
    bool drawn = false;
    for (std::size_t i = 0; i < series.xs.size(); ++i) {
      if (!can_draw(series.ys[i])) continue;
      x.add(series.xs[i]);
      y.add(series.ys[i]);
      drawn = true;
    }
    if (!drawn) continue;
    const std::string style = style_class(series.style);
    legend += "<span class=\"key\"><svg class=\"swatch\" viewBox=\"0 0 26 10\"><g class=\"series " + style +
              "\"><path d=\"M1 5L25 5\"/></g></svg>" + escape_html(series.name) + "</span>";
  }
  if (y.empty()) return "";
  if (chart.from_zero) y.add(0.0);
  for (const StageBand& band : chart.bands) {
    x.add(band.first);
    x.add(band.last);
  }
  Canvas canvas{.x = make_axis(x.least - 0.5, x.most + 0.5, 7, true),
                .y = make_axis(y.least, y.most, 5, false, chart.kind)};
  // Rounds are whole numbers, so a tick between two of them means nothing.
  std::erase_if(canvas.x.ticks, [](double tick) { return std::abs(tick - std::round(tick)) > 1e-9; });
  std::string svg =
      open_svg(chart.title, " data-left=\"" + coordinate(kMarginLeft) + "\" data-width=\"" + coordinate(kPlotWidth) +
                                "\" data-least=\"" + show_fixed(canvas.x.least, 1) + "\" data-most=\"" +
                                show_fixed(canvas.x.most, 1) + "\"");
  svg += draw_bands(chart.bands, canvas);
  svg += draw_axes(canvas, FigureKind::kCount, chart.kind, "round, over all stages");
  for (const LineSeries& series : chart.series) svg += draw_series(series, canvas, chart.kind);
  svg += "<line class=\"cursor\" y1=\"" + coordinate(kMarginTop) + "\" y2=\"" + coordinate(kMarginTop + kPlotHeight) +
         "\"/></svg>";
  return figure(chart.title, chart.note, legend, svg);
}

std::string draw(const ScatterChart& chart) {
  Extent x, y;
  for (const ScatterPoint& point : chart.points) {
    if (!can_draw(point.x) || !can_draw(point.y)) continue;
    x.add(point.x);
    y.add(point.y);
  }
  if (y.empty()) return "";
  x.add(0.0);  // costs are read as multiples of each other
  const double air = (y.most - y.least) * 0.08;
  const Canvas canvas{.x = make_axis(x.least, x.most * 1.08, 5, false, chart.x_kind),
                      .y = make_axis(y.least - air, y.most + air, 6, false, chart.y_kind)};
  std::string svg = open_svg(chart.title) + draw_axes(canvas, chart.x_kind, chart.y_kind, chart.x_label);
  std::vector<const ScatterPoint*> points;
  for (const ScatterPoint& point : chart.points) {
    if (!can_draw(point.x) || !can_draw(point.y)) continue;
    // The result is named first and drawn last: it gets the best place and lies on top.
    points.insert(point.is_result ? points.begin() : points.end(), &point);
  }
  for (auto it = points.rbegin(); it != points.rend(); ++it) {
    const ScatterPoint& point = **it;
    svg += std::string("<circle class=\"point") + (point.is_result ? " result" : "") + "\" cx=\"" +
           coordinate(canvas.px(point.x)) + "\" cy=\"" + coordinate(canvas.py(point.y)) + "\" r=\"" +
           (point.is_result ? "6" : "4.5") + "\"><title>" +
           escape_html(point.name + ": " + tick_label(point.y, canvas.y.step / 100, chart.y_kind) + ", " +
                       tick_label(point.x, canvas.x.step / 100, chart.x_kind)) +
           "</title></circle>";
  }
  svg += draw_names(points, canvas) + "</svg>";
  return figure(chart.title, chart.note, "", svg);
}

}  // namespace coppice
