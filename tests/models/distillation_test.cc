#include "models/distillation.h"

#include <cmath>
#include <fstream>

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "models/losses.h"

namespace coppice::test {
namespace {

const nlohmann::json& goldens() {
  static const nlohmann::json parsed = nlohmann::json::parse(std::ifstream(COPPICE_GOLDEN_DIR "/models/distillation.json"));
  return parsed;
}

at::Tensor rows(const char* name) {
  const auto values = goldens().at(name).get<std::vector<double>>();
  const at::Tensor x_NV = at::empty({goldens().at("rows"), goldens().at("outputs")}, at::TensorOptions().dtype(at::kFloat));
  std::transform(values.begin(), values.end(), x_NV.mutable_data_ptr<float>(), [](double v) { return static_cast<float>(v); });
  return x_NV;
}

at::Tensor targets() {
  const auto classes = goldens().at("targets").get<std::vector<std::int64_t>>();
  const at::Tensor targets_N = at::empty({static_cast<std::int64_t>(classes.size())}, at::TensorOptions().dtype(at::kLong));
  std::copy(classes.begin(), classes.end(), targets_N.mutable_data_ptr<std::int64_t>());
  return targets_N;
}

struct Outcome {
  double loss;
  at::Tensor gradient;  // float32, flat
};

Outcome outcome_of(const at::Tensor& student, const Guide& guide, double factor = 1.0) {
  const at::Tensor leaf = student.clone().set_requires_grad(true);
  const at::Tensor loss = distilled_loss_sum(leaf, targets(), guide);
  (loss * factor).backward();
  return {loss.item<double>(), leaf.grad().to(at::kFloat).reshape({-1})};
}

TEST(Distillation, FollowsPyTorch) {
  for (const auto& golden : goldens().at("cases")) {
    const Guide guide{rows("teacher"), golden.at("temperature"), golden.at("weight")};
    const Outcome found = outcome_of(rows("student"), guide);
    const double expected = golden.at("loss");
    EXPECT_NEAR(found.loss, expected, 2e-6 * expected);
    const auto gradient = golden.at("gradient").get<std::vector<double>>();
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      ASSERT_NEAR(found.gradient.const_data_ptr<float>()[i], gradient[i], 2e-6) << golden.at("temperature") << " " << i;
    }
  }
}

TEST(Distillation, InLowPrecisionOnlyTheLogitsAndTheGradientAreRounded) {
  const at::Tensor student = rows("student").to(at::kBFloat16), teacher = rows("teacher").to(at::kBFloat16);
  const Outcome low = outcome_of(student, {teacher, 2.0, 0.67}, 0.125);
  const Outcome wide = outcome_of(student.to(at::kFloat), {teacher.to(at::kFloat), 2.0, 0.67}, 0.125);
  EXPECT_EQ(low.loss, wide.loss);
  EXPECT_TRUE(low.gradient.equal(wide.gradient.to(at::kBFloat16).to(at::kFloat)));
}

TEST(Distillation, WithoutWeightItIsTheCrossEntropy) {
  const at::Tensor student = rows("student");
  const Outcome found = outcome_of(student, {rows("teacher"), 3.0, 0.0});
  const at::Tensor leaf = student.clone().set_requires_grad(true);
  const at::Tensor plain = loss_sum(LossKind::kCrossEntropy, leaf, targets());
  plain.backward();
  EXPECT_FLOAT_EQ(static_cast<float>(found.loss), plain.item<float>());
  EXPECT_TRUE(found.gradient.allclose(leaf.grad().reshape({-1}), 1e-6, 1e-7));
}

TEST(Distillation, AStudentLikeItsTeacherHasNothingToLearnFromIt) {
  const Outcome found = outcome_of(rows("teacher"), {rows("teacher"), 2.0, 1.0});
  EXPECT_EQ(found.loss, 0.0);
  EXPECT_EQ(found.gradient.abs().max().item<float>(), 0.0F);
}

TEST(Distillation, ANaNShows) {
  for (const char* which : {"student", "teacher"}) {
    at::Tensor student = rows("student"), teacher = rows("teacher");
    (which == std::string("student") ? student : teacher).mutable_data_ptr<float>()[5] = std::nanf("");
    EXPECT_TRUE(std::isnan(distilled_loss_sum(student, targets(), {teacher, 2.0, 0.5}).item<double>())) << which;
  }
}

TEST(Distillation, RefusesLogitsThatAreNotAlike) {
  EXPECT_THROW(distilled_loss_sum(rows("student"), targets(), {rows("teacher").to(at::kBFloat16)}), Error);
  EXPECT_THROW(distilled_loss_sum(rows("student"), targets(), {rows("teacher").narrow(1, 0, 36)}), Error);
  EXPECT_THROW(distilled_loss_sum(rows("student"), at::full({5}, 37, at::TensorOptions().dtype(at::kLong)), {rows("teacher")}),
               InputError);
}

}  // namespace
}  // namespace coppice::test
