#include "coordinator/report/html_report.h"

#include <cmath>
#include <filesystem>

#include <gtest/gtest.h>

#include "core/file.h"
#include "coordinator/report/svg_plot.h"
#include "tests/coordinator/report/sample_run.h"
#include "tests/coordinator/report/well_formed.h"
#include "tests/core/temporary_folder.h"

namespace coppice {
namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

int occurrences(const std::string& text, const std::string& part) {
  int count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

TEST(HtmlReport, IsAWellFormedPageThatFetchesNothing) {
  const std::string html = html_report(sample_run());
  EXPECT_EQ(first_defect(html), "");
  EXPECT_FALSE(has(html, "http"));
  EXPECT_LT(html.size(), 200000U);
}

TEST(HtmlReport, ShowsEveryPart) {
  const std::string html = html_report(sample_run());
  for (const char* id : {"models", "curves", "tradeoff", "kept", "mask", "fusion", "errors", "costs", "config"}) {
    EXPECT_TRUE(has(html, std::string("<section id=\"") + id + "\">")) << id;
    EXPECT_TRUE(has(html, std::string("href=\"#") + id + "\"")) << id;
  }
  for (const char* figure :
       {"84.08 %", "85.41 %", "48,102", "7.44 M", "194 KiB", "0.241", "6.31", "39.8 %",  // the closing table
        "13 / 16", "58 / 64", "181,204 / 614,400", "f4a1c20be8d3",                       // the mask
        "1.402", "56.3 %", "119 KiB (78.5 % of dense)", "393 MiB",                       // fusion, costs
        "8c1d0f2ab94e77d5", "avx512", "8,418 of 10,000 on the diagonal"}) {
    EXPECT_TRUE(has(html, figure)) << figure;
  }
  for (const char* chart :
       {"Accuracy", "Loss", "f1", "Bytes a client and round", "Density of the mask", "Clients a round",
        "Accuracy against latency at batch 1", "Accuracy against latency at batch 64", "Accuracy against bytes on disk",
        "Confusion matrix", "Reliability diagram", "Accuracy over clients"}) {
    EXPECT_TRUE(has(html, std::string("aria-label=\"") + chart + "\"")) << chart;
  }
  EXPECT_TRUE(has(html, "# &lt;skewed&gt; &amp; &quot;quoted&quot;"));
  EXPECT_EQ(occurrences(html, "<img class=\"bits\""), 3);  // two matrices, and one corner magnified
  EXPECT_EQ(occurrences(html, "<svg class=\"units\""), 6);
}

TEST(HtmlReport, CurvesHoldTheRounds) {
  const RunRecord run = sample_run();
  const std::string html = html_report(run);
  std::string densities;
  for (const RoundRecord& round : run.rounds) {
    if (!densities.empty()) densities += " ";
    densities += round.density == 1.0 ? "1" : "0.617";
  }
  EXPECT_TRUE(has(html, "data-name=\"density\" data-kind=\"percent\" data-x=\"1 2 3 "));
  EXPECT_TRUE(has(html, "data-y=\"" + densities + "\""));
  EXPECT_TRUE(has(html, "data-name=\"finetune\" data-first=\"33\" data-last=\"72\""));
}

TEST(HtmlReport, EverythingFromFilesIsEscaped) {
  const std::string attack = "\"'><script>alert(1)</script>&\x01";
  RunRecord run = sample_run();
  RunSummary& summary = run.summary;
  summary.name = summary.config_digest = summary.model_family = summary.data.name = summary.data.note = attack;
  summary.fingerprint = {{attack, attack}};
  for (std::string& name : summary.data.classes) name = attack;
  for (std::size_t i = 0; i < summary.variants.size(); ++i) summary.variants[i].name = attack + std::to_string(i);
  summary.variants[0].metrics[attack] = 1.0;
  summary.seconds[attack] = 1.0;
  summary.mask->pattern = summary.mask->digest = attack;
  for (LayerKept& layer : summary.mask->layers) layer.name = layer.kind = attack;
  summary.fusion->chosen = attack;
  for (FusionCandidate& candidate : summary.fusion->candidates) candidate.name = attack;
  for (RoundRecord& round : run.rounds) {
    round.stage = attack;
    round.phases[attack] = 1.0;
    if (round.eval) (*round.eval)[attack] = 0.5;
  }
  run.config_yaml = attack + "\xFF";
  const std::string html = html_report(run);
  EXPECT_EQ(first_defect(html), "");
  EXPECT_EQ(occurrences(html, "<script>"), 1);  // the page's own
  EXPECT_GT(occurrences(html, "&lt;script&gt;alert(1)"), 30);
}

TEST(HtmlReport, PartsWithoutFiguresAreLeftOut) {
  RunRecord run = sample_run();
  run.rounds.clear();
  run.summary.mask.reset();
  run.summary.fusion.reset();
  run.summary.confusion.clear();
  run.summary.calibration.clear();
  run.summary.per_client.clear();
  run.summary.variants.resize(1);
  run.summary.variants[0].latency_ms.clear();
  run.summary.variants[0].file_bytes.reset();
  const std::string html = html_report(run);
  EXPECT_EQ(first_defect(html), "");
  for (const char* id : {"curves", "kept", "mask", "fusion", "errors"})
    EXPECT_FALSE(has(html, std::string("id=\"") + id + "\"")) << id;
  EXPECT_TRUE(has(html, "id=\"models\""));
}

TEST(HtmlReport, ModelsWithoutAccuracyAreJudgedByLoss) {
  RunRecord run = sample_run();
  for (VariantFigures& variant : run.summary.variants) variant.accuracy = kNoFigure;
  for (RoundRecord& round : run.rounds) {
    round.train_accuracy = kNoFigure;
    for (auto* eval : {&round.eval, &round.eval_twin}) {
      if (*eval) (*eval)->erase("accuracy");
    }
  }
  const std::string html = html_report(run);
  EXPECT_EQ(first_defect(html), "");
  EXPECT_TRUE(has(html, "Loss against latency at batch 1"));
  EXPECT_FALSE(has(html, "aria-label=\"Accuracy\""));
}

TEST(HtmlReport, BytesOfUncountedClientsAreNotShownAsNone) {
  RunRecord run = sample_run();
  EXPECT_TRUE(has(html_report(run), "<td>1.84 MiB</td>"));  // of the prune stage
  EXPECT_TRUE(has(html_report(run), "<td>166 MiB</td>"));   // of all stages
  run.rounds[31].clients = 0;
  EXPECT_FALSE(has(html_report(run), "<td>1.84 MiB</td>"));
  EXPECT_FALSE(has(html_report(run), "<td>166 MiB</td>"));
  EXPECT_FALSE(has(html_report(run), "<td>164 MiB</td>"));
}

TEST(HtmlReport, IsWrittenIntoTheFolder) {
  TemporaryFolder folder;
  std::filesystem::copy(golden_path("sample"), folder.path(), std::filesystem::copy_options::recursive);
  EXPECT_EQ(write_html_report(folder.path()), folder.path("report.html"));
  EXPECT_EQ(read_text_file(folder.path("report.html"), 1 << 24), html_report(sample_run()));
}

TEST(LineChart, ThinsLongLinesButKeepsTheirExtremes) {
  LineChart chart{
      .title = "long", .note = "", .kind = FigureKind::kNumber, .from_zero = false, .series = {}, .bands = {}};
  LineSeries series{.name = "x", .style = LineStyle::kMain, .xs = {}, .ys = {}};
  for (int i = 0; i < 100000; ++i) {
    series.xs.push_back(i);
    series.ys.push_back(i == 77777 ? 123.25 : i == 33333 ? -99.75 : std::sin(i * 0.01));
  }
  chart.series.push_back(series);
  const std::string svg = draw(chart);
  EXPECT_LT(svg.size(), 60000U);
  EXPECT_TRUE(has(svg, "77777"));
  EXPECT_TRUE(has(svg, "123.25"));
  EXPECT_TRUE(has(svg, "-99.75"));
  EXPECT_EQ(first_defect(svg), "");
}

TEST(LineChart, ValuesThatCannotBeDrawnLeaveAGap) {
  LineChart chart{
      .title = "gaps", .note = "", .kind = FigureKind::kNumber, .from_zero = false, .series = {}, .bands = {}};
  chart.series.push_back({"x", LineStyle::kMain, {1, 2, 3, 4, 5}, {1.0, kNoFigure, 2.0, HUGE_VAL, 1e308}});
  const std::string svg = draw(chart);
  EXPECT_TRUE(has(svg, "data-y=\"1 x 2 x x\""));
  EXPECT_EQ(occurrences(svg, "<circle"), 2);
  chart.series[0].ys = std::vector<double>(5, kNoFigure);
  EXPECT_EQ(draw(chart), "");
}

TEST(ScatterChart, NamesDoNotCoverEachOther) {
  ScatterChart chart{.title = "t",
                     .note = "",
                     .x_kind = FigureKind::kNumber,
                     .y_kind = FigureKind::kPercent,
                     .x_label = "x",
                     .points = {}};
  for (int i = 0; i < 6; ++i)
    chart.points.push_back({"point number " + std::to_string(i), 1.0 + i * 1e-3, 0.8 + i * 1e-4, i == 2});
  chart.points.push_back({"far away", 5.0, 0.2, false});
  const std::string svg = draw(chart);
  std::vector<std::pair<double, double>> places;
  for (std::size_t at = svg.find("<text class=\"point-name"); at != std::string::npos;
       at = svg.find("<text class=\"point-name", at + 1)) {
    const double x = std::stod(svg.substr(svg.find("x=\"", at) + 3)),
                 y = std::stod(svg.substr(svg.find("y=\"", at) + 3));
    for (const auto& [other_x, other_y] : places)
      EXPECT_TRUE(std::abs(x - other_x) > 15 || std::abs(y - other_y) >= 13) << x << " " << y;
    places.emplace_back(x, y);
  }
  EXPECT_EQ(places.size(), 7U);
}

}  // namespace
}  // namespace coppice
