#include "coordinator/report/sweep_table.h"

#include <gtest/gtest.h>

#include "tests/coordinator/report/sample_run.h"
#include "tests/coordinator/report/well_formed.h"

namespace coppice {
namespace {

SweepRun run_of(std::size_t cell, std::int64_t seed, double accuracy, double density) {
  SweepRun run{.cell = cell, .seed = seed, .folder = "runs/" + std::to_string(cell) + "-" + std::to_string(seed), .config_digest = "d"};
  run.status = SweepRunStatus::kDone;
  run.summary = sample_run().summary;
  run.summary->seed = seed;
  run.summary->mask->density = density;
  run.summary->client = {.flops = 2e9 * density, .live_bytes = 1e6 * density, .peak_bytes = 3e6};
  for (VariantFigures& variant : run.summary->variants) variant.accuracy = accuracy;
  return run;
}

// dense 0.90 0.92; near 0.91 0.91; far 0.80 0.82 (paired: -0.10 both times); lost: nothing.
SweepResults results() {
  SweepResults results{.name = "a <b> sweep", .axes = {"density"}, .cells = {}, .runs = {}};
  results.cells = {{.name = "dense", .arm = "dense", .coordinates = {""}},
                   {.name = "near, density 0.1", .arm = "near", .coordinates = {"0.1"}, .baseline = 0},
                   {.name = "far, density 0.1", .arm = "far", .coordinates = {"0.1"}, .baseline = 0},
                   {.name = "far, density 0.02", .arm = "far", .coordinates = {"0.02"}, .baseline = 0}};
  results.runs = {run_of(0, 1, 0.90, 1.0), run_of(0, 2, 0.92, 1.0), run_of(1, 1, 0.91, 0.1),
                  run_of(1, 2, 0.915, 0.1), run_of(2, 1, 0.80, 0.1), run_of(2, 2, 0.821, 0.1)};
  SweepRun missing{.cell = 3, .seed = 1, .folder = "runs/x", .config_digest = "e"};
  SweepRun failed{.cell = 3, .seed = 2, .folder = "runs/y", .config_digest = "f", .status = SweepRunStatus::kFailed, .remark = "exit code 1: a|b"};
  results.runs.push_back(missing);
  results.runs.push_back(failed);
  return results;
}

TEST(SweepTable, HasARowForEveryCellAndMarksWhatMayBeClaimed) {
  const SweepTable table = sweep_table(results());
  EXPECT_EQ(table.columns[0], "arm");
  EXPECT_EQ(table.columns[4], "minus baseline");
  ASSERT_EQ(table.rows.size(), 4U);
  EXPECT_EQ(table.rows[0], (std::vector<std::string>{"dense", "-", "2", "91.00 ± 1.00", "-", "100.00", table.rows[0][6], table.rows[0][7],
                                                     "2.00 G", "977 KiB", "2.86 MiB", table.rows[0][11]}));
  EXPECT_EQ(table.rows[1][4], "+0.25 ± 0.75 ≈");
  EXPECT_EQ(table.rows[2][4], "-9.95 ± 0.05 *");
  EXPECT_EQ(table.rows[3][2], "0 of 2");
  EXPECT_EQ(table.rows[3][3], "missing");
  EXPECT_EQ(table.rows[3][4], "-");
  ASSERT_GE(table.notes.size(), 2U);
  EXPECT_EQ(table.notes[0], "far, density 0.02, seed 2: failed, exit code 1: a|b");
  EXPECT_EQ(table.notes[1], "1 missing: far, density 0.02, seed 1");
}

TEST(SweepTable, AnUnpairedCellSaysSo) {
  SweepResults all = results();
  all.runs.erase(all.runs.begin(), all.runs.begin() + 2);  // no dense run is left
  const SweepTable table = sweep_table(all);
  EXPECT_EQ(table.rows[0][3], "missing");
  EXPECT_EQ(table.rows[1][3], "91.25 ± 0.25");
  EXPECT_EQ(table.rows[1][4], "missing");
}

TEST(SweepTable, NothingDoneIsATableOfWhatIsMissing) {
  SweepResults all = results();
  for (SweepRun& run : all.runs) run.status = SweepRunStatus::kMissing, run.summary.reset();
  EXPECT_FALSE(compare_cells(all).has_value());
  const SweepTable table = sweep_table(all);
  ASSERT_EQ(table.rows.size(), 4U);
  for (const auto& row : table.rows) EXPECT_EQ(row[3], "missing");
  EXPECT_NE(sweep_page(all, table).find("0 of 8 runs done, 8 missing"), std::string::npos);
}

TEST(SweepTable, CsvHasALineARun) {
  const std::string csv = sweep_runs_csv(results());
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 9);
  EXPECT_TRUE(csv.starts_with("arm,density,seed,status,folder,config_digest,result,accuracy,loss,")) << csv;
  EXPECT_NE(csv.find("\nnear,0.1,2,done,runs/1-2,d,compact,0.91500000000000004,"), std::string::npos) << csv;
  EXPECT_NE(csv.find("\nfar,0.02,2,failed,runs/y,f,,,"), std::string::npos) << csv;
}

TEST(SweepTable, PageIsWellFormedAndDrawsACurveAnArm) {
  const SweepResults all = results();
  const std::string page = sweep_page(all, sweep_table(all));
  EXPECT_EQ(first_defect(page), "");
  EXPECT_EQ(page.find("a <b> sweep"), std::string::npos);
  EXPECT_NE(page.find("Accuracy against density"), std::string::npos);
  EXPECT_NE(page.find("Accuracy against client memory"), std::string::npos);
  EXPECT_NE(page.find("<title>far, density 0.1: 81.05 % ± 1.05 %, 10.0 %</title>"), std::string::npos);
  EXPECT_NE(sweep_markdown(all, sweep_table(all)).find("exit code 1: a|b"), std::string::npos);
}

}  // namespace
}  // namespace coppice
