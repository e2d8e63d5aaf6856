#include "models/losses.h"

#include <ATen/TensorOperators.h>

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/models/golden_pass.h"
#include "models/measures.h"

namespace coppice {
namespace {

const GoldenFile& golden() {
  static const GoldenFile file("measures");
  return file;
}

MeasureSums measured(LossKind kind, const std::string& name) {
  const at::Tensor logits = golden()[name + ".logits"];
  MeasureSums sums(kind, logits.size(1));
  sums.add(logits, golden()[name + ".targets"]);
  return sums;
}

void expect_loss(LossKind kind, const std::string& name) {
  const at::Tensor logits = golden()[name + ".logits"], targets = golden()[name + ".targets"];
  const double mean = loss_sum(kind, logits, targets).item<double>() / static_cast<double>(count_of(kind, targets));
  EXPECT_NEAR(mean, golden().number(name + ".loss"), 1e-5 * std::abs(mean));
  EXPECT_NEAR(*metrics_of(measured(kind, name)).loss, golden().number(name + ".loss"), 1e-6);
}

TEST(Losses, AreTheMeansOfNumpyTimesTheCount) {
  expect_loss(LossKind::kCrossEntropy, "classes");
  expect_loss(LossKind::kBinary, "labels");
  expect_loss(LossKind::kSquaredError, "values");
}

TEST(Losses, GradientsOfASumAddUp) {
  const at::Tensor targets = golden()["classes.targets"];
  const auto gradient = [&](std::int64_t begin, std::int64_t end) {
    const at::Tensor logits = golden()["classes.logits"].requires_grad_();
    loss_sum(LossKind::kCrossEntropy, logits.slice(0, begin, end), targets.slice(0, begin, end)).backward();
    return logits.grad();
  };
  expect_close(gradient(0, 200) + gradient(200, 600), gradient(0, 600), 1e-6, "gradient");
}

TEST(Losses, IgnoredTokensTakeNoPart) {
  const at::Tensor logits = golden()["classes.logits"].slice(0, 0, 6).view({2, 3, 4});
  at::Tensor targets = golden()["classes.targets"].slice(0, 0, 6).clone().view({2, 3});
  const double whole = loss_sum(LossKind::kCrossEntropy, logits, targets).item<double>();
  const double last = loss_sum(LossKind::kCrossEntropy, logits.slice(0, 1, 2).slice(1, 2, 3),
                               targets.slice(0, 1, 2).slice(1, 2, 3)).item<double>();
  targets.mutable_data_ptr<std::int64_t>()[5] = kIgnoredTarget;
  EXPECT_NEAR(loss_sum(LossKind::kCrossEntropy, logits, targets).item<double>(), whole - last, 1e-5);
  EXPECT_EQ(count_of(LossKind::kCrossEntropy, targets), 5);
  MeasureSums sums(LossKind::kCrossEntropy, 4);
  sums.add(logits, targets);
  EXPECT_EQ(sums.count, 5);
}

TEST(Losses, RefuseTargetsThatDoNotFit) {
  const at::Tensor logits = golden()["classes.logits"], targets = golden()["classes.targets"];
  EXPECT_THROW(loss_sum(LossKind::kCrossEntropy, logits.slice(1, 0, 2), targets), InputError);
  EXPECT_THROW(loss_sum(LossKind::kCrossEntropy, logits, targets.slice(0, 1)), InputError);
  EXPECT_THROW(loss_sum(LossKind::kCrossEntropy, logits, targets - 1), InputError);
  EXPECT_THROW(loss_sum(LossKind::kCrossEntropy, logits, targets.to(at::kFloat)), InputError);
  EXPECT_THROW(loss_sum(LossKind::kBinary, logits, targets), InputError);
  MeasureSums sums(LossKind::kCrossEntropy, 5);
  EXPECT_THROW(sums.add(logits, targets), InputError);
}

TEST(Measures, MatchNumpy) {
  for (const auto& [kind, name] : {std::pair(LossKind::kCrossEntropy, std::string("classes")),
                                   std::pair(LossKind::kBinary, std::string("labels"))}) {
    const MeasureSums sums = measured(kind, name);
    const Metrics metrics = metrics_of(sums);
    EXPECT_NEAR(*metrics.accuracy, golden().number(name + ".accuracy"), 1e-6);
    EXPECT_NEAR(*metrics.macro_f1, golden().number(name + ".macro_f1"), 1e-6);
    EXPECT_NEAR(*metrics.auroc, golden().number(name + ".auroc"), 1e-3);  // ties within a bin
    EXPECT_NEAR(*metrics.calibration_error, golden().number(name + ".calibration_error"), 1e-6);
    EXPECT_FALSE(metrics.r_squared);
    const at::Tensor targets = golden()[name + ".targets"];
    EXPECT_NEAR(hits_of(kind, golden()[name + ".logits"], targets) / static_cast<double>(targets.size(0)), *metrics.accuracy, 1e-12);
  }
  const Metrics metrics = metrics_of(measured(LossKind::kSquaredError, "values"));
  EXPECT_NEAR(*metrics.mean_squared_error, golden().number("values.loss"), 1e-6);
  EXPECT_NEAR(*metrics.mean_absolute_error, golden().number("values.mean_absolute_error"), 1e-6);
  EXPECT_NEAR(*metrics.r_squared, golden().number("values.r_squared"), 1e-6);
  EXPECT_FALSE(metrics.accuracy);
}

TEST(Measures, PartsAddUpToTheWholeAndSurviveTheWayThere) {
  for (const auto& [kind, name] : {std::pair(LossKind::kCrossEntropy, std::string("classes")),
                                   std::pair(LossKind::kBinary, std::string("labels")),
                                   std::pair(LossKind::kSquaredError, std::string("values"))}) {
    const at::Tensor logits = golden()[name + ".logits"], targets = golden()[name + ".targets"];
    MeasureSums first(kind, logits.size(1)), second(kind, logits.size(1));
    first.add(logits.slice(0, 0, 71), targets.slice(0, 0, 71));
    second.add(logits.slice(0, 71), targets.slice(0, 71));
    first += MeasureSums::from_flat(kind, logits.size(1), second.flat());
    const std::vector<double> parts = first.flat(), whole = measured(kind, name).flat();
    ASSERT_EQ(parts.size(), whole.size());
    for (std::size_t i = 0; i < whole.size(); ++i) EXPECT_NEAR(parts[i], whole[i], 1e-9 * (1.0 + std::abs(whole[i])));
  }
}

TEST(Measures, RefuseSumsThatAreNone) {
  std::vector<double> flat = measured(LossKind::kCrossEntropy, "classes").flat();
  EXPECT_THROW(MeasureSums::from_flat(LossKind::kCrossEntropy, 5, flat), InputError);
  for (const double wrong : {-1.0, 0.5, 1e300, std::nan("")}) {
    flat[1] = wrong;
    EXPECT_THROW(MeasureSums::from_flat(LossKind::kCrossEntropy, 4, flat), InputError);
  }
  MeasureSums classes(LossKind::kCrossEntropy, 4);
  EXPECT_THROW(classes += MeasureSums(LossKind::kBinary, 4), Error);
}

TEST(Measures, SeparableScoresHaveAreaOneAndConstantOnesAHalf) {
  const at::Tensor targets = golden()["classes.targets"];
  at::Tensor logits = at::empty({600, 4}).zero_();
  MeasureSums flat(LossKind::kCrossEntropy, 4);
  flat.add(logits, targets);
  EXPECT_DOUBLE_EQ(*metrics_of(flat).auroc, 0.5);
  logits.scatter_(1, targets.view({600, 1}), 30.0);
  MeasureSums sharp(LossKind::kCrossEntropy, 4);
  sharp.add(logits, targets);
  const Metrics metrics = metrics_of(sharp);
  EXPECT_DOUBLE_EQ(*metrics.auroc, 1.0);
  EXPECT_DOUBLE_EQ(*metrics.accuracy, 1.0);
  EXPECT_DOUBLE_EQ(*metrics.macro_f1, 1.0);
  EXPECT_NEAR(*metrics.calibration_error, 0.0, 1e-9);
}

TEST(Measures, ASampleThatIsNotFiniteIsAMissAndNothingElse) {
  at::Tensor logits = golden()["classes.logits"].slice(0, 0, 3).clone();
  const at::Tensor targets = golden()["classes.targets"].slice(0, 0, 3);
  logits.mutable_data_ptr<float>()[4] = std::numeric_limits<float>::infinity();
  MeasureSums sums(LossKind::kCrossEntropy, 4), rest(LossKind::kCrossEntropy, 4);
  sums.add(logits, targets);
  rest.add(logits.slice(0, 0, 1), targets.slice(0, 0, 1));
  rest.add(logits.slice(0, 2), targets.slice(0, 2));
  EXPECT_TRUE(std::isnan(sums.loss_sum));
  EXPECT_EQ(sums.count, 3);
  EXPECT_EQ(sums.hits, rest.hits);
  EXPECT_EQ(sums.confusion, rest.confusion);
}

TEST(Measures, NoSamplesGiveNoFigures) {
  const Metrics metrics = metrics_of(MeasureSums(LossKind::kCrossEntropy, 3));
  EXPECT_FALSE(metrics.loss || metrics.accuracy || metrics.auroc || metrics.calibration_error);
}

}  // namespace
}  // namespace coppice
