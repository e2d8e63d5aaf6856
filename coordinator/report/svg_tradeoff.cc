#include "coordinator/report/svg_tradeoff.h"

#include <algorithm>
#include <cmath>

#include "coordinator/report/figures.h"
#include "coordinator/report/html_text.h"
#include "coordinator/report/svg_canvas.h"

namespace coppice {
namespace {

constexpr std::size_t kStyles = 8;
constexpr double kMarker = 4.0;  // half its width

bool is_drawn(const TradeoffPoint& point) { return can_draw(point.x) && can_draw(point.y); }
double error_of(const TradeoffPoint& point) { return can_draw(point.error) ? point.error : 0.0; }

// A square, a triangle, a diamond or a circle, so that print and colour-blind readers tell curves apart.
std::string marker(std::size_t style, double x, double y) {
  const auto polygon = [&](std::initializer_list<std::pair<double, double>> corners) {
    std::string points;
    for (const auto& [dx, dy] : corners) {
      if (!points.empty()) points += ' ';
      points += coordinate(x + dx);
      points += ',';
      points += coordinate(y + dy);
    }
    return "<polygon points=\"" + points + "\"";
  };
  constexpr double k = kMarker;
  switch (style % 4) {
    case 0:
      return "<circle cx=\"" + coordinate(x) + "\" cy=\"" + coordinate(y) + "\" r=\"" + coordinate(k) + "\"";
    case 1:
      return polygon({{-k, -k}, {k, -k}, {k, k}, {-k, k}});
    case 2:
      return polygon({{0, -k - 1}, {k + 1, k}, {-k - 1, k}});
    default:
      return polygon({{0, -k - 1.5}, {k + 1.5, 0}, {0, k + 1.5}, {-k - 1.5, 0}});
  }
}

std::string draw_curve(const TradeoffCurve& curve, std::size_t style, const TradeoffChart& chart, const Canvas& canvas) {
  std::vector<TradeoffPoint> points;
  std::copy_if(curve.points.begin(), curve.points.end(), std::back_inserter(points), is_drawn);
  std::stable_sort(points.begin(), points.end(), [](const auto& a, const auto& b) { return a.x < b.x; });
  std::string path, marks;
  for (const TradeoffPoint& point : points) {
    const double x = canvas.px(point.x), y = canvas.py(point.y);
    path += path.empty() ? 'M' : 'L';
    path += coordinate(x);
    path += ' ';
    path += coordinate(y);
    if (const double error = error_of(point); error > 0.0) marks += svg_line("error", x, canvas.py(point.y - error), x, canvas.py(point.y + error));
    marks += marker(style, x, y) + "><title>" +
             escape_html(point.name + ": " + axis_label(canvas.y, point.y, chart.y_kind, 100.0) +
                         (error_of(point) > 0.0 ? " ± " + axis_label(canvas.y, point.error, chart.y_kind, 100.0) : "") + ", " +
                         axis_label(canvas.x, point.x, chart.x_kind, 100.0)) +
             "</title>" + (style % 4 == 0 ? "</circle>" : "</polygon>");
  }
  return "<g class=\"curve t" + std::to_string(style) + "\">" + (points.size() > 1 ? "<path d=\"" + path + "\"/>" : "") + marks + "</g>";
}

}  // namespace

std::string draw(const TradeoffChart& chart) {
  Extent x, y;
  for (const TradeoffCurve& curve : chart.curves) {
    for (const TradeoffPoint& point : curve.points) {
      if (!is_drawn(point)) continue;
      x.add(point.x);
      y.add(point.y - error_of(point));
      y.add(point.y + error_of(point));
    }
  }
  if (y.empty()) return "";
  const Canvas canvas{.x = make_cost_axis(x.least, x.most, chart.x_kind), .y = make_axis(y.least, y.most, 6, false, chart.y_kind)};
  std::string svg = "<svg class=\"plot\" role=\"img\" aria-label=\"" + escape_html(chart.title) + "\" viewBox=\"0 0 " +
                    coordinate(kCanvasWidth) + " " + coordinate(kCanvasHeight) + "\">" +
                    draw_axes(canvas, chart.x_kind, chart.y_kind, chart.x_label);
  std::string legend;
  for (std::size_t c = 0; c < chart.curves.size(); ++c) {
    const std::size_t style = c % kStyles;
    svg += draw_curve(chart.curves[c], style, chart, canvas);
    legend += "<span class=\"key\"><svg class=\"swatch\" viewBox=\"0 0 26 10\"><g class=\"curve t" + std::to_string(style) +
              "\"><path d=\"M1 5L25 5\"/>" + marker(style, 13, 5) + "/></g></svg>" + escape_html(chart.curves[c].name) + "</span>";
  }
  return figure(chart.title, chart.note, legend, svg + "</svg>");
}

}  // namespace coppice
