#include "coordinator/report/compare_plots.h"

#include <algorithm>

#include "coordinator/report/html_page.h"
#include "coordinator/report/svg_tradeoff.h"

namespace coppice {
namespace {

struct CostAxis {
  const char* quantity;  // as measured_quantities names it
  const char* against;
  const char* label;
  FigureKind kind;
};

constexpr CostAxis kCosts[] = {
    {"density", "density", "density of the mask", FigureKind::kPercent},
    {"down a client and round", "bytes down", "bytes to a client in a round", FigureKind::kBytes},
    {"up a client and round", "bytes up", "bytes from a client in a round", FigureKind::kBytes},
    {"FLOPs of a client and round", "client FLOPs", "FLOPs of a client in a round, under the mask", FigureKind::kCount},
    {"live bytes of a client", "client memory", "live bytes of a client by the cost model, activations aside", FigureKind::kBytes},
};

}  // namespace

std::string tradeoff_section(const Comparison& comparison, const std::vector<std::string>& curves) {
  const std::size_t accuracy = comparison.index_of("accuracy");
  const bool by_accuracy = accuracy < comparison.quantities.size();
  const std::size_t quality = by_accuracy ? accuracy : comparison.index_of("loss");
  if (quality == comparison.quantities.size()) return "";
  const std::string name = by_accuracy ? "Accuracy" : "Loss";
  std::string charts;
  for (const CostAxis& cost : kCosts) {
    const std::size_t x = comparison.index_of(cost.quantity);
    if (x == comparison.quantities.size()) continue;
    TradeoffChart chart{.title = name + " against " + cost.against,
                        .note = by_accuracy ? "better is up and to the left; bars: one standard error" : "better is down and to the left; bars: one standard error",
                        .x_kind = cost.kind,
                        .y_kind = by_accuracy ? FigureKind::kPercent : FigureKind::kNumber,
                        .x_label = cost.label,
                        .curves = {}};
    for (std::size_t a = 0; a < comparison.arms.size(); ++a) {
      auto curve = std::find_if(chart.curves.begin(), chart.curves.end(), [&](const TradeoffCurve& c) { return c.name == curves[a]; });
      if (curve == chart.curves.end()) curve = chart.curves.insert(curve, {curves[a], {}});
      const ComparedArm& arm = comparison.arms[a];
      curve->points.push_back({arm.name, arm.values[x].mean, arm.values[quality].mean, arm.values[quality].standard_error});
    }
    charts += draw(chart);
  }
  if (charts.empty()) return "";
  return html_section("tradeoff", name + " against cost", "<div class=\"charts\">\n" + charts + "</div>\n");
}

}  // namespace coppice
