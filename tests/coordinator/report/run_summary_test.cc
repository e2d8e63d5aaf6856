#include "coordinator/report/run_summary.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "coordinator/report/closing_table.h"
#include "coordinator/report/verdict.h"
#include "tests/coordinator/report/sample_run.h"

namespace coppice {
namespace {

TEST(RunSummary, ReadsWhatAnIndependentWriterWrote) {
  const RunSummary summary = sample_run().summary;
  EXPECT_EQ(summary.name, "quickstart");
  EXPECT_EQ(summary.model_family, "resnet8");
  EXPECT_EQ(summary.fingerprint.at("instruction set"), "avx512");
  EXPECT_EQ(summary.data.classes.size(), 10U);
  ASSERT_EQ(summary.variants.size(), 6U);
  EXPECT_EQ(summary.variants[2].name, "compact");
  EXPECT_EQ(summary.variants[2].latency_ms.at(64), 6.31);
  EXPECT_EQ(summary.variants[2].file_bytes, 198822);
  EXPECT_EQ(summary.mask->layers[0].kept, 13);
  EXPECT_EQ(summary.mask->layers[6].picture.form, MaskPicture::Form::kBits);
  EXPECT_EQ(summary.mask->layers[7].picture.form, MaskPicture::Form::kShades);
  std::int64_t kept = 0;
  for (const std::uint8_t shade : summary.mask->layers[6].picture.shades) kept += shade == 255 ? 1 : 0;
  EXPECT_EQ(kept, summary.mask->layers[6].kept);
  EXPECT_EQ(summary.fusion->candidates.size(), 5U);
  EXPECT_EQ(summary.per_client.size(), 100U);
  EXPECT_EQ(summary.confusion.size(), 10U);
  EXPECT_EQ(summary.calibration.size(), 10U);
}

TEST(RunSummary, WrittenTextSaysTheSame) {
  const std::string original = golden_text("sample/summary.json");
  const std::string written = to_json_text(parse_summary(original, "a"));
  EXPECT_EQ(to_json_text(parse_summary(written, "b")), written);
  nlohmann::json before = nlohmann::json::parse(original), after = nlohmann::json::parse(written);
  EXPECT_EQ(before, after);
}

TEST(RunSummary, ClientsOwnModelsAreSaidWhereThereAreSome) {
  RunSummary summary = sample_run().summary;
  EXPECT_FALSE(summary.personal.has_value());
  const auto lines = cost_lines(summary).size();
  summary.personal = PersonalFigures{.accuracy = 0.75, .loss = 0.5, .density = 0.1, .clients = 20, .samples = 400};
  const RunSummary again = parse_summary(to_json_text(summary), "a");
  ASSERT_TRUE(again.personal.has_value());
  EXPECT_EQ(again.personal->accuracy, 0.75);
  EXPECT_EQ(again.personal->loss, 0.5);
  EXPECT_EQ(again.personal->density, 0.1);
  EXPECT_EQ(again.personal->clients, 20);
  EXPECT_EQ(again.personal->samples, 400);
  ASSERT_EQ(cost_lines(again).size(), lines + 1);
  EXPECT_TRUE(std::ranges::any_of(cost_lines(again), [](const LabelledFigure& line) { return line.figure == "75.0 % at a mean density of 0.100"; }));
}

TEST(RunSummary, FiguresThatAreNotFiniteBecomeNull) {
  RunSummary summary = sample_run().summary;
  summary.variants[0].accuracy = kNoFigure;
  summary.variants[0].latency_ms[1] = HUGE_VAL;
  summary.variants[0].file_bytes.reset();
  const RunSummary again = parse_summary(to_json_text(summary), "a");
  EXPECT_TRUE(std::isnan(again.variants[0].accuracy));
  EXPECT_TRUE(std::isnan(again.variants[0].latency_ms.at(1)));
  EXPECT_FALSE(again.variants[0].file_bytes.has_value());
}

VariantFigures variant(const std::string& name, const std::string& artifact = "") {
  VariantFigures figures;
  figures.name = name;
  figures.artifact = artifact;
  return figures;
}

TEST(RunSummary, ResultAndReferenceAreFoundByRole) {
  RunSummary summary;
  summary.variants = {variant("dense"), variant("masked", "zeros"), variant("compact", "sliced"),
                      variant("dense twin")};
  EXPECT_EQ(result_of(summary).name, "compact");
  EXPECT_EQ(reference_of(summary)->name, "dense twin");
  summary.variants = {variant("dense"), variant("masked"), variant("random")};
  EXPECT_EQ(result_of(summary).name, "masked");
  EXPECT_EQ(reference_of(summary)->name, "dense");
  summary.variants = {variant("dense")};
  EXPECT_EQ(result_of(summary).name, "dense");
  EXPECT_EQ(reference_of(summary), nullptr);
}

TEST(RunSummary, CalibrationErrorIsTheWeightedGap) {
  EXPECT_NEAR(expected_calibration_error({{10, 0.2, 0.3}, {0, kNoFigure, kNoFigure}, {30, 0.9, 0.8}}), 0.1, 1e-12);
  EXPECT_NEAR(expected_calibration_error({{10, 0.5, 0.9}, {30, 0.9, 0.9}}), 0.1, 1e-12);
  EXPECT_TRUE(std::isnan(expected_calibration_error({})));
}

TEST(Verdict, SaysWhatTheFiguresSay) {
  RunSummary summary = sample_run().summary;
  EXPECT_EQ(verdict(summary),
            "The compact model needs 39.8 % of the FLOPs and 61.7 % of the parameters of the dense twin, is 1.33 "
            "points less accurate "
            "(84.1 % against 85.4 %), and answers a batch of 1 in 0.241 ms instead of 0.482 ms (2.00 times as fast).");
  summary.variants[2].latency_ms[1] = 0.637;
  EXPECT_NE(verdict(summary).find("in 0.637 ms instead of 0.482 ms (1.32 times as long)."), std::string::npos);
  summary.variants[2].accuracy = 0.87;
  summary.variants[2].latency_ms.clear();
  EXPECT_EQ(verdict(summary),
            "The compact model needs 39.8 % of the FLOPs and 61.7 % of the parameters of the dense twin and is 1.59 "
            "points more accurate "
            "(87.0 % against 85.4 %).");
  summary.variants[2].accuracy = kNoFigure;
  EXPECT_NE(verdict(summary).find("has a loss of 0.4406 against 0.4019."), std::string::npos);
  EXPECT_EQ(caveat(summary).find("equal training"), std::string::npos);
  summary.variants.resize(3);
  EXPECT_NE(caveat(summary).find("not at equal training"), std::string::npos);
  summary.variants.resize(1);
  EXPECT_EQ(verdict(summary),
            "The dense model reaches 76.1 % accuracy with 77,898 parameters and 18.7 M FLOPs a sample.");
}

}  // namespace
}  // namespace coppice
