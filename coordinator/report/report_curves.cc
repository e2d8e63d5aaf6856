#include <cmath>
#include <limits>
#include <set>

#include "coordinator/report/figures.h"
#include "coordinator/report/html_page.h"
#include "coordinator/report/html_text.h"
#include "coordinator/report/report_sections.h"
#include "coordinator/report/svg_plot.h"

namespace coppice {
namespace {

using Rounds = std::vector<RoundRecord>;

template <class Value>
LineSeries series_of(const Rounds& rounds, const std::string& name, LineStyle style, Value value) {
  LineSeries series{.name = name, .style = style, .xs = {}, .ys = {}};
  for (const RoundRecord& round : rounds) {
    const double y = value(round);
    series.xs.push_back(static_cast<double>(round.step));
    series.ys.push_back(y);
  }
  return series;
}

// A sparse measure: rounds that did not take it leave no gap in the line.
LineSeries eval_series(const Rounds& rounds, const std::string& name, LineStyle style, bool twin,
                       const std::string& key) {
  LineSeries series{.name = name, .style = style, .xs = {}, .ys = {}};
  for (const RoundRecord& round : rounds) {
    const auto& eval = twin ? round.eval_twin : round.eval;
    if (!eval || !eval->contains(key)) continue;
    series.xs.push_back(static_cast<double>(round.step));
    series.ys.push_back(eval->at(key));
  }
  return series;
}

std::vector<StageBand> bands_of(const Rounds& rounds) {
  std::vector<StageBand> bands;
  for (const RoundRecord& round : rounds) {
    const auto step = static_cast<double>(round.step);
    if (bands.empty() || bands.back().name != round.stage) bands.push_back({round.stage, step, step});
    bands.back().last = step;
  }
  return bands;
}

std::string stage_line(const std::vector<StageBand>& bands) {
  std::string html = "<ul class=\"chips\">";
  for (const StageBand& band : bands) {
    html += "<li>" + escape_html(band.name) + " <span class=\"dim\">" +
            (band.first == band.last ? "round " + show_fixed(band.first, 0)
                                     : "rounds " + show_fixed(band.first, 0) + "&ndash;" + show_fixed(band.last, 0)) +
            "</span></li>";
  }
  return html + "</ul>\n";
}

LineChart quality_chart(const Rounds& rounds, const std::vector<StageBand>& bands, const std::string& key) {
  const bool accuracy = key == "accuracy";
  LineChart chart{.title = accuracy        ? "Accuracy"
                           : key == "loss" ? "Loss"
                                           : key,
                  .note = accuracy || key == "loss" ? "thin: training data; marked: test data" : "on the test data",
                  .kind = accuracy ? FigureKind::kPercent : FigureKind::kNumber,
                  .from_zero = false,
                  .series = {},
                  .bands = bands};
  if (accuracy) {
    chart.series.push_back(
        series_of(rounds, "training", LineStyle::kTrain, [](const auto& r) { return r.train_accuracy; }));
  } else if (key == "loss") {
    chart.series.push_back(
        series_of(rounds, "training", LineStyle::kTrain, [](const auto& r) { return r.train_loss; }));
  }
  chart.series.push_back(eval_series(rounds, "dense twin", LineStyle::kTwin, true, key));
  chart.series.push_back(eval_series(rounds, "this model", LineStyle::kMain, false, key));
  return chart;
}

LineChart bytes_chart(const Rounds& rounds, const std::vector<StageBand>& bands, double dense_bytes) {
  LineChart chart{.title = "Bytes a client and round",
                  .note = "as encoded on the wire",
                  .kind = FigureKind::kBytes,
                  .from_zero = true,
                  .series = {},
                  .bands = bands};
  chart.series.push_back(
      series_of(rounds, "dense values, one way", LineStyle::kLimit, [=](const auto&) { return dense_bytes; }));
  chart.series.push_back(series_of(rounds, "up", LineStyle::kTwin, [](const auto& r) { return r.bytes_up; }));
  chart.series.push_back(series_of(rounds, "down", LineStyle::kMain, [](const auto& r) { return r.bytes_down; }));
  return chart;
}

}  // namespace

std::string curves_section(const RunRecord& run) {
  if (run.rounds.empty()) return "";
  const std::vector<StageBand> bands = bands_of(run.rounds);
  std::set<std::string> others;
  bool any_declined = false;
  for (const RoundRecord& round : run.rounds) {
    for (const auto* eval : {&round.eval, &round.eval_twin}) {
      if (!*eval) continue;
      for (const auto& [key, value] : **eval) others.insert(key);
    }
    any_declined = any_declined || round.declined > 0;
  }
  others.erase("accuracy");
  others.erase("loss");
  std::string charts =
      draw(quality_chart(run.rounds, bands, "accuracy")) + draw(quality_chart(run.rounds, bands, "loss"));
  for (const std::string& key : others) charts += draw(quality_chart(run.rounds, bands, key));
  charts += draw(bytes_chart(run.rounds, bands, run.summary.traffic.dense_bytes_per_client));
  LineChart density{.title = "Density of the mask",
                    .note = "kept weights of those that can be pruned",
                    .kind = FigureKind::kPercent,
                    .from_zero = true,
                    .series = {},
                    .bands = bands};
  density.series.push_back(series_of(run.rounds, "density", LineStyle::kMain, [](const auto& r) { return r.density; }));
  charts += draw(density);
  if (any_declined) {
    LineChart clients{.title = "Clients a round",
                      .note = "",
                      .kind = FigureKind::kCount,
                      .from_zero = true,
                      .series = {},
                      .bands = bands};
    clients.series.push_back(series_of(run.rounds, "declined", LineStyle::kTwin,
                                       [](const auto& r) { return static_cast<double>(r.declined); }));
    clients.series.push_back(series_of(run.rounds, "summed", LineStyle::kMain,
                                       [](const auto& r) { return static_cast<double>(r.clients); }));
    charts += draw(clients);
  }
  return html_section("curves", "Round by round", stage_line(bands) + "<div class=\"charts\">\n" + charts + "</div>\n");
}

std::string tradeoff_section(const RunRecord& run) {
  const auto& variants = run.summary.variants;
  const VariantFigures& result = result_of(run.summary);
  bool by_accuracy = false;
  std::set<std::int64_t> batches;
  for (const VariantFigures& variant : variants) {
    by_accuracy = by_accuracy || std::isfinite(variant.accuracy);
    for (const auto& [batch, milliseconds] : variant.latency_ms) batches.insert(batch);
  }
  const std::string quality = by_accuracy ? "Accuracy" : "Loss";
  const auto chart = [&](const std::string& against, const std::string& unit, FigureKind kind, auto cost) {
    ScatterChart scatter{.title = quality + " against " + against,
                         .note = by_accuracy ? "better is up and to the left" : "better is down and to the left",
                         .x_kind = kind,
                         .y_kind = by_accuracy ? FigureKind::kPercent : FigureKind::kNumber,
                         .x_label = unit,
                         .points = {}};
    for (const VariantFigures& variant : variants) {
      scatter.points.push_back(
          {variant.name, cost(variant), by_accuracy ? variant.accuracy : variant.loss, &variant == &result});
    }
    return draw(scatter);
  };
  std::string charts;
  for (const std::int64_t batch : batches) {
    charts += chart("latency at batch " + std::to_string(batch), "milliseconds a batch, measured",
                    FigureKind::kMilliseconds, [&](const VariantFigures& v) {
                      const auto found = v.latency_ms.find(batch);
                      return found == v.latency_ms.end() ? kNoFigure : found->second;
                    });
  }
  charts += chart("bytes on disk", "file bytes", FigureKind::kBytes, [](const VariantFigures& v) {
    return v.file_bytes ? static_cast<double>(*v.file_bytes) : kNoFigure;
  });
  charts += chart("computation", "FLOPs a sample", FigureKind::kCount,
                  [](const VariantFigures& v) { return static_cast<double>(v.flops); });
  return html_section("tradeoff", quality + " against cost", "<div class=\"charts\">\n" + charts + "</div>\n");
}

}  // namespace coppice
