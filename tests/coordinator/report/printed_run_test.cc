// The closing table in the terminal and the model card: the same figures as in the report.
#include <gtest/gtest.h>

#include "coordinator/report/closing_table.h"
#include "coordinator/report/html_report.h"
#include "coordinator/report/model_card.h"
#include "coordinator/report/verdict.h"
#include "tests/coordinator/report/sample_run.h"

namespace coppice {
namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(ClosingTable, ShowsTheModelsAndTheCosts) {
  const std::string text = closing_table(sample_run().summary, "runs/a/report.html");
  EXPECT_TRUE(has(
      text,
      "\nmodel        accuracy    loss      f1  parameters   FLOPs     file  ms, batch 1  ms, batch 64  artifact\n"))
      << text;
  EXPECT_TRUE(has(
      text,
      "\ncompact       84.08 %  0.4406  0.8328      48,102  7.44 M  194 KiB        0.241          6.31    sliced\n"))
      << text;
  EXPECT_TRUE(has(text, "119 KiB (78.5 % of dense)"));
  EXPECT_TRUE(has(text, "\nreport: runs/a/report.html\n"));
}

TEST(ClosingTable, EveryOutputPrintsTheSameCells) {
  const RunRecord run = sample_run();
  const VariantTable table = variant_table(run.summary);
  const std::string text = closing_table(run.summary, "r"), html = html_report(run), card = model_card(run.summary);
  ASSERT_EQ(table.rows.size(), 6U);
  EXPECT_EQ(table.result_row, 2);
  for (const auto& row : table.rows) {
    ASSERT_EQ(row.size(), table.columns.size());
    for (const std::string& cell : row) {
      EXPECT_TRUE(has(text, cell)) << cell;
      EXPECT_TRUE(has(html, cell)) << cell;
      EXPECT_TRUE(has(card, cell)) << cell;
    }
  }
  for (const auto& [label, figure] : cost_lines(run.summary)) {
    for (const std::string* output : {&text, &html, &card}) EXPECT_TRUE(has(*output, figure)) << label;
  }
}

TEST(ClosingTable, ColumnsWithoutFiguresAreLeftOut) {
  RunSummary summary = sample_run().summary;
  for (VariantFigures& variant : summary.variants) {
    variant.accuracy = kNoFigure;
    variant.latency_ms.erase(64);
    variant.metrics.clear();
  }
  EXPECT_EQ(variant_table(summary).columns,
            (std::vector<std::string>{"model", "loss", "parameters", "FLOPs", "file", "ms, batch 1", "artifact"}));
}

TEST(ClosingTable, NamesCannotSteerTheTerminal) {
  RunSummary summary = sample_run().summary;
  summary.variants[2].name = "a\x1B[2Jb\nc";
  const std::string text = closing_table(summary, "r");
  EXPECT_FALSE(has(text, "\x1B"));
}

TEST(ModelCard, SaysWhatHowAndWithWhichLimits) {
  const RunSummary summary = sample_run().summary;
  const std::string card = model_card(summary);
  EXPECT_TRUE(
      card.starts_with("---\nlibrary_name: coppice\ntags:\n- pruning\n- federated-learning\n- \"pattern:channels\"\n"));
  for (const char* heading : {"# quickstart", "## What it is", "## What it reaches", "## How it was made", "## Data",
                              "## What it cost", "## Limits", "## Digests"}) {
    EXPECT_TRUE(has(card, std::string("\n") + heading + "\n")) << heading;
  }
  EXPECT_TRUE(has(card, verdict(summary)));
  EXPECT_TRUE(has(card, "Artifact: **sliced**. What was pruned is gone from the shapes"));
  EXPECT_TRUE(has(card, "| **compact** | **84.08 %** |"));
  EXPECT_TRUE(has(card, "- stage1.residual: kept 13 of 16\n"));
  EXPECT_TRUE(has(card, "Importance was fused as alpha 0.75, chosen among 5 candidates"));
  EXPECT_TRUE(has(card, "- config: 8c1d0f2ab94e77d5\n- mask: f4a1c20be8d3\n- seed: 1\n"));
  EXPECT_TRUE(has(card, "(expected calibration error)"));
}

TEST(ModelCard, SaysWhichKindOfArtifactItIs) {
  RunSummary summary = sample_run().summary;
  summary.variants[2].artifact = "packed";
  EXPECT_TRUE(has(model_card(summary), "Artifact: **packed**. The weights are stored packed"));
  summary.variants[2].artifact = "zeros";
  EXPECT_TRUE(has(model_card(summary), "Artifact: **zeros**. The shapes are those of the dense model"));
  for (VariantFigures& variant : summary.variants) variant.artifact.clear();
  EXPECT_TRUE(has(model_card(summary), "Artifact: **none**. The run did not export it."));
}

TEST(ModelCard, TextFromFilesStaysText) {
  RunSummary summary = sample_run().summary;
  summary.data.name = "a\"b\n---\nevil: true";
  summary.variants[2].name = "x | y <b> [link](z) `c`\nd";
  const std::string card = model_card(summary);
  EXPECT_TRUE(has(card, "datasets:\n- \"a\\\"b\\n---\\nevil: true\"\n"));
  EXPECT_FALSE(has(card, "\nevil"));
  EXPECT_TRUE(has(card, "| **x \\| y \\<b\\> \\[link\\](z) \\`c\\` d** |"));
}

}  // namespace
}  // namespace coppice
