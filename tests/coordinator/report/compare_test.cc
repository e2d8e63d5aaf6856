#include "coordinator/report/compare.h"

#include <cmath>
#include <filesystem>
#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "coordinator/report/compare_output.h"
#include "tests/coordinator/report/sample_run.h"
#include "tests/coordinator/report/well_formed.h"

namespace coppice {
namespace {

const std::vector<std::string> kRuns = {"adaptive-1", "adaptive-2", "adaptive-3", "adaptive-4", "coarse-1", "coarse-2",
                                        "coarse-3",   "random-1",   "random-2",   "random-4",   "random-9", "single-2"};

std::vector<LabelledRun> golden_runs() {
  std::vector<std::string> folders;
  for (const std::string& name : kRuns) folders.push_back(golden_path("compare/" + name));
  return read_runs(folders);
}

std::size_t index_of(const Comparison& comparison, const std::string& quantity) {
  for (std::size_t q = 0; q < comparison.quantities.size(); ++q) {
    if (comparison.quantities[q].name == quantity) return q;
  }
  ADD_FAILURE() << quantity;
  return 0;
}

void expect_equal(const MeanAndError& found, const nlohmann::json& expected, const std::string& what) {
  EXPECT_EQ(found.count, expected.at("n").get<std::int64_t>()) << what;
  const double mean = expected.at("mean").get<double>();
  EXPECT_NEAR(found.mean, mean, 1e-12 * std::max(1.0, std::abs(mean))) << what;
  if (expected.at("standard_error").is_null()) {
    EXPECT_TRUE(std::isnan(found.standard_error)) << what;
    return;
  }
  const double error = expected.at("standard_error").get<double>();
  EXPECT_NEAR(found.standard_error, error, 1e-12 * std::max(1.0, std::abs(mean))) << what;
}

TEST(Compare, EqualsAnIndependentCalculation) {
  const nlohmann::json golden = nlohmann::json::parse(golden_text("compare/expected.json"));
  const Comparison comparison = compare_runs(golden_runs(), {.variants = {"compact", "dense twin"}, .baseline = ""});
  EXPECT_EQ(comparison.arms[comparison.baseline].name, golden.at("baseline"));
  ASSERT_EQ(comparison.arms.size(), golden.at("arms").size());
  const std::map<std::string, std::string> names = {{"accuracy", "accuracy"},
                                                    {"loss", "loss"},
                                                    {"flops", "FLOPs"},
                                                    {"file_bytes", "file"},
                                                    {"latency", "ms, batch 1"}};
  for (std::size_t a = 0; a < comparison.arms.size(); ++a) {
    const ComparedArm& arm = comparison.arms[a];
    const nlohmann::json& expected = golden.at("arms").at(a);
    EXPECT_EQ(arm.name, expected.at("arm"));
    EXPECT_EQ(arm.seeds, expected.at("seeds").get<std::vector<std::int64_t>>());
    EXPECT_EQ(arm.paired_seeds, expected.at("paired_seeds").get<std::vector<std::int64_t>>());
    for (const auto& [key, quantity] : names) {
      const std::size_t q = index_of(comparison, quantity);
      expect_equal(arm.values[q], expected.at("values").at(key), arm.name + " " + key);
      expect_equal(arm.differences[q], expected.at("differences").at(key), arm.name + " difference " + key);
    }
  }
}

TEST(Compare, MeanAndErrorByHand) {
  const MeanAndError three = mean_and_error({1.0, 2.0, 6.0});
  EXPECT_DOUBLE_EQ(three.mean, 3.0);
  EXPECT_DOUBLE_EQ(three.standard_error, std::sqrt(14.0 / 2.0 / 3.0));
  EXPECT_FALSE(three.is_clear());
  EXPECT_TRUE(mean_and_error({1.0, 1.1, 0.9}).is_clear());
  const MeanAndError one = mean_and_error({5.0});
  EXPECT_EQ(one.mean, 5.0);
  EXPECT_TRUE(std::isnan(one.standard_error));
  EXPECT_FALSE(one.is_clear());
  EXPECT_EQ(mean_and_error({}).count, 0);
}

LabelledRun run(const std::string& label, std::int64_t seed, double accuracy) {
  LabelledRun made{.label = label, .folder = label + std::to_string(seed), .summary = sample_run().summary};
  made.summary.seed = seed;
  for (VariantFigures& variant : made.summary.variants) variant.accuracy = accuracy;
  return made;
}

TEST(Compare, RunsOfOneLabelCompareTheirModels) {
  const Comparison comparison = compare_runs({run("a", 1, 0.8), run("a", 2, 0.9)}, {});
  ASSERT_EQ(comparison.arms.size(), 6U);
  EXPECT_EQ(comparison.arms[2].name, "compact");
  EXPECT_NEAR(comparison.arms[2].values[0].mean, 0.85, 1e-12);
}

TEST(Compare, RunsOfSeveralLabelsCompareTheirResults) {
  const Comparison comparison = compare_runs({run("a", 1, 0.8), run("b", 1, 0.9)}, {});
  ASSERT_EQ(comparison.arms.size(), 2U);
  EXPECT_EQ(comparison.arms[1].name, "b");
  EXPECT_NEAR(comparison.arms[1].differences[0].mean, 0.1, 1e-12);
}

TEST(Compare, FiguresThatOneRunLacksAreCountedOut) {
  std::vector<LabelledRun> runs = {run("a", 1, 0.8), run("a", 2, 0.8), run("b", 1, 0.9), run("b", 2, kNoFigure)};
  const Comparison comparison = compare_runs(runs, {});
  EXPECT_EQ(comparison.arms[1].values[0].count, 1);
  EXPECT_EQ(comparison.arms[1].differences[0].count, 1);
  EXPECT_NE(compare_text(comparison).find("+10.00 (n = 1)"), std::string::npos);
}

TEST(Compare, ReadersAreWarned) {
  std::vector<LabelledRun> runs = {run("a", 1, 0.8), run("b", 2, 0.9)};
  EXPECT_EQ(compare_runs(runs, {}).notes,
            std::vector<std::string>{"'b' has no seed in common with the baseline: no difference"});
  runs = {run("a", 1, 0.8), run("b", 1, 0.9)};
  runs[1].summary.data.name = "cifar10";
  runs[1].summary.threads = 4;
  ASSERT_EQ(compare_runs(runs, {}).notes.size(), 2U);
  EXPECT_NE(compare_runs(runs, {}).notes[0].find("cifar10, fashion-mnist"), std::string::npos);
}

TEST(Compare, BadInputIsOneLine) {
  EXPECT_EQ(input_error_of([] { compare_runs({}, {}); }),
            "nothing to compare: expected the folder of at least one run");
  EXPECT_EQ(input_error_of([] {
              compare_runs({run("a", 1, 0.8), run("a", 1, 0.9)}, {});
            }),
            "a1: seed 1 of 'a' stands already in a1; give one of them another label (LABEL=FOLDER)");
  EXPECT_NE(input_error_of([] {
              compare_runs({run("a", 1, 0.8)}, {.variants = {"compakt"}, .baseline = ""});
            }).find("did you mean 'compact'"),
            std::string::npos);
  EXPECT_NE(input_error_of([] {
              compare_runs({run("a", 1, 0.8)}, {.variants = {}, .baseline = "dense twn"});
            }).find("did you mean 'dense twin'"),
            std::string::npos);
  EXPECT_NE(input_error_of([] { read_runs({golden_path("absent")}); }).find("absent/summary.json: no such file"),
            std::string::npos);
}

TEST(Compare, ArgumentsMayCarryALabel) {
  const auto runs = read_runs({"mine=" + golden_path("compare/adaptive-1"), golden_path("compare/coarse-1")});
  EXPECT_EQ(runs[0].label, "mine");
  EXPECT_EQ(runs[1].label, "coarse");
}

TEST(CompareOutput, TextMarksWhatIsClear) {
  const std::string text = compare_text(compare_runs(golden_runs(), {}));
  EXPECT_NE(text.find("adaptive  4  83.98 ± 0.54"), std::string::npos) << text;
  EXPECT_NE(text.find("-0.74 ± 0.14 *"), std::string::npos) << text;
  EXPECT_NE(text.find("difference to 'adaptive', paired by seed"), std::string::npos);
  EXPECT_EQ(text.find("wall time"), std::string::npos);
}

TEST(CompareOutput, HtmlIsAPageWithEveryQuantity) {
  std::vector<LabelledRun> runs = golden_runs();
  for (LabelledRun& one : runs) one.label += "<script>&\"'";
  const std::string html = compare_html(compare_runs(runs, {}));
  EXPECT_EQ(first_defect(html), "");
  EXPECT_NE(html.find("wall time"), std::string::npos);
  EXPECT_NE(html.find("adaptive&lt;script&gt;"), std::string::npos);
}

TEST(CompareOutput, CsvHoldsTheFullPrecision) {
  std::vector<LabelledRun> runs = golden_runs();
  for (LabelledRun& one : runs) one.label = one.label == "coarse" ? "a \"b\", c" : one.label;
  const Comparison comparison = compare_runs(runs, {});
  std::istringstream lines(compare_csv(comparison));
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line, "table,arm,baseline,quantity,unit,n,mean,standard_error");
  std::size_t count = 0;
  bool found = false;
  while (std::getline(lines, line)) {
    ++count;
    const std::string start = "difference,\"a \"\"b\"\", c\",adaptive,accuracy,fraction,3,";
    if (!line.starts_with(start)) continue;
    found = true;
    EXPECT_EQ(std::stod(line.substr(start.size())), comparison.arms[1].differences[0].mean);
  }
  EXPECT_TRUE(found);
  EXPECT_EQ(count, comparison.quantities.size() * (4 + 3));
}

TEST(CompareOutput, LatexIsEscapedAndEveryRowHasItsCells) {
  std::vector<LabelledRun> runs = golden_runs();
  for (LabelledRun& one : runs) one.label += "_50%&{x}\\^";
  const std::string tex = compare_latex(compare_runs(runs, {}));
  EXPECT_NE(tex.find("adaptive\\_50\\%\\&\\{x\\}\\textbackslash{}\\^{} & 4 & 83.98 $\\pm$ 0.54 &"), std::string::npos)
      << tex;
  std::istringstream lines(tex);
  std::string line;
  std::size_t columns = 0, rows = 0;
  while (std::getline(lines, line)) {
    if (line.starts_with("\\begin{tabular}"))
      columns = static_cast<std::size_t>(std::count(line.begin(), line.end(), 'r')) - 1;
    if (!line.ends_with("\\\\")) continue;
    std::size_t separators = 0;
    for (std::size_t i = 1; i < line.size(); ++i) separators += line[i] == '&' && line[i - 1] == ' ' ? 1 : 0;
    EXPECT_EQ(separators, columns) << line;
    ++rows;
  }
  EXPECT_EQ(rows, 1U + 4U + 1U + 3U);
}

}  // namespace
}  // namespace coppice
