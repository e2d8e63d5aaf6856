#include "coordinator/report/svg_diagrams.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "coordinator/report/figures.h"
#include "coordinator/report/html_text.h"
#include "coordinator/report/svg_canvas.h"

namespace coppice {
namespace {

std::string rect(const std::string& css_class, double x, double y, double width, double height,
                 const std::string& more = "") {
  return "<rect class=\"" + css_class + "\" x=\"" + coordinate(x) + "\" y=\"" + coordinate(y) + "\" width=\"" +
         coordinate(width) + "\" height=\"" + coordinate(height) + "\"" +
         (more.empty() ? "/>" : ">" + more + "</rect>");
}

std::string title(const std::string& text) { return "<title>" + escape_html(text) + "</title>"; }

std::string open_svg(const std::string& label, double width, double height) {
  return "<svg class=\"plot\" role=\"img\" aria-label=\"" + escape_html(label) + "\" viewBox=\"0 0 " +
         coordinate(width) + " " + coordinate(height) + "\">";
}

double share_of(std::int64_t part, double whole) { return whole > 0.0 ? static_cast<double>(part) / whole : 0.0; }

}  // namespace

std::string draw_reliability(const std::vector<CalibrationBin>& bins) {
  double total = 0.0;
  for (const CalibrationBin& bin : bins) total += static_cast<double>(bin.count);
  if (total == 0.0) return "";
  constexpr double kStrip = 46.0;  // the histogram below
  const Canvas canvas{.x = make_axis(0.0, 1.0, 5, true), .y = make_axis(0.0, 1.0, 5, true)};
  const auto count = static_cast<double>(bins.size());
  const double width = kPlotWidth / count;
  std::string svg = open_svg("Reliability diagram", kCanvasWidth, kCanvasHeight + kStrip);
  svg += draw_axes(canvas, FigureKind::kPercent, FigureKind::kPercent, "confidence");
  double fullest = 0.0;
  for (const CalibrationBin& bin : bins) fullest = std::max(fullest, static_cast<double>(bin.count));
  for (std::size_t i = 0; i < bins.size(); ++i) {
    const CalibrationBin& bin = bins[i];
    if (bin.count == 0) continue;
    const double left = canvas.px(static_cast<double>(i) / count);
    const std::string words = show_count(static_cast<double>(bin.count)) + " predictions: confidence " +
                              show_percent(bin.confidence) + ", accuracy " + show_percent(bin.accuracy);
    if (std::isfinite(bin.accuracy)) {
      const double top = canvas.py(bin.accuracy);
      svg += rect("bar", left + 1, top, width - 2, kMarginTop + kPlotHeight - top, title(words));
      if (std::isfinite(bin.confidence)) {
        svg += "<circle class=\"point result\" cx=\"" + coordinate(canvas.px(bin.confidence)) + "\" cy=\"" +
               coordinate(top) + "\" r=\"3\">" + title(words) + "</circle>";
      }
    }
    const double height = (kStrip - 8) * static_cast<double>(bin.count) / fullest;
    svg += rect("bar faint", left + 1, kCanvasHeight + kStrip - height, width - 2, height, title(words));
  }
  svg += svg_line("leader", canvas.px(0.0), canvas.py(0.0), canvas.px(1.0), canvas.py(1.0)) + "</svg>";
  return figure("Confidence against accuracy",
                "expected calibration error " + show_percent(expected_calibration_error(bins), 2) + " over " +
                    show_count(total) + " predictions; below: how many fall in each bin",
                "", svg);
}

std::string draw_client_accuracy(const std::vector<ClientFigures>& clients) {
  std::vector<double> values;
  for (const ClientFigures& client : clients) {
    if (std::isfinite(client.accuracy)) values.push_back(client.accuracy);
  }
  if (values.empty()) return "";
  std::sort(values.begin(), values.end());
  constexpr std::size_t kBins = 20;
  std::array<std::int64_t, kBins> counts{};
  double sum = 0.0;
  for (const double value : values) {
    ++counts[std::min(kBins - 1, static_cast<std::size_t>(value * kBins))];
    sum += value;
  }
  const std::size_t worst = std::max<std::size_t>(1, values.size() / 10);
  double worst_sum = 0.0;
  for (std::size_t i = 0; i < worst; ++i) worst_sum += values[i];
  const double fullest = static_cast<double>(*std::max_element(counts.begin(), counts.end()));
  Canvas canvas{.x = make_axis(0.0, 1.0, 5, true), .y = make_axis(0.0, fullest, 4, false)};
  std::erase_if(canvas.y.ticks, [](double tick) { return std::abs(tick - std::round(tick)) > 1e-9; });
  std::string svg = open_svg("Accuracy over clients", kCanvasWidth, kCanvasHeight);
  svg += draw_axes(canvas, FigureKind::kPercent, FigureKind::kCount, "accuracy on the client's own data");
  for (std::size_t i = 0; i < kBins; ++i) {
    if (counts[i] == 0) continue;
    const double left = canvas.px(static_cast<double>(i) / kBins), top = canvas.py(static_cast<double>(counts[i]));
    svg += rect("bar", left + 1, top, kPlotWidth / kBins - 2, kMarginTop + kPlotHeight - top,
                title(std::to_string(counts[i]) + " clients from " + show_percent(static_cast<double>(i) / kBins, 0) +
                      " to " + show_percent(static_cast<double>(i + 1) / kBins, 0)));
  }
  return figure("Accuracy over clients",
                "mean " + show_percent(sum / static_cast<double>(values.size())) + ", worst tenth " +
                    show_percent(worst_sum / static_cast<double>(worst)) + ", " + std::to_string(values.size()) +
                    " clients",
                "", svg + "</svg>");
}

std::string draw_confusion(const std::vector<std::vector<std::int64_t>>& counts,
                           const std::vector<std::string>& classes) {
  const std::size_t size = counts.size();
  if (size == 0) return "";
  const auto name = [&](std::size_t i) {
    const std::string full = i < classes.size() ? classes[i] : std::to_string(i);
    return full;
  };
  constexpr double kLeft = 92.0, kTop = 64.0, kSide = kCanvasWidth - kLeft - 44.0;
  constexpr std::size_t kMostNamed = 40, kMostWritten = 12;
  const double cell = kSide / static_cast<double>(size);
  std::string svg = open_svg("Confusion matrix", kCanvasWidth, kTop + kSide + 22);
  double hits = 0.0, total = 0.0;
  for (std::size_t r = 0; r < size; ++r) {
    double row = 0.0;
    for (const std::int64_t value : counts[r]) row += static_cast<double>(value);
    total += row;
    hits += static_cast<double>(counts[r][r]);
    const double y = kTop + cell * static_cast<double>(r);
    if (size <= kMostNamed) {
      const double middle = kLeft + cell * (static_cast<double>(r) + 0.5);
      svg += svg_text("tick", kLeft - 6, y + cell / 2 + 4, "end", name(r));
      svg += "<g transform=\"translate(" + coordinate(middle + 3) + " " + coordinate(kTop - 6) + ") rotate(-40)\">" +
             svg_text("tick", 0, 0, "start", name(r)) + "</g>";
    }
    for (std::size_t c = 0; c < size; ++c) {
      const double fraction = share_of(counts[r][c], row);
      // Shades below one part in 200 cannot be seen, and a matrix of many classes is nearly all of those.
      if (fraction < 0.005 && size > kMostWritten) continue;
      const double x = kLeft + cell * static_cast<double>(c);
      svg += "<rect class=\"cell\" fill-opacity=\"" + show_fixed(fraction, 2) + "\" x=\"" + coordinate(x) + "\" y=\"" +
             coordinate(y) + "\" width=\"" + coordinate(cell) + "\" height=\"" + coordinate(cell) + "\">" +
             title(name(r) + " taken for " + name(c) + ": " + std::to_string(counts[r][c]) + " of " + show_count(row)) +
             "</rect>";
      if (size <= kMostWritten && counts[r][c] > 0) {
        svg += svg_text(fraction > 0.5 ? "count strong" : "count", x + cell / 2, y + cell / 2 + 3.5, "middle",
                        std::to_string(counts[r][c]));
      }
    }
  }
  svg += rect("frame", kLeft, kTop, kSide, kSide) + svg_text("label", kLeft + kSide / 2, kTop + kSide + 17, "middle",
                                                             "rows: true class, columns: predicted class");
  return figure("Confusion matrix", show_count(hits) + " of " + show_count(total) + " on the diagonal", "",
                svg + "</svg>");
}

}  // namespace coppice
