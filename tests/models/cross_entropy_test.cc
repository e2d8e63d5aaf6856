#include "models/cross_entropy.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Reduction.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "models/losses.h"

namespace coppice {
namespace {

// PyTorch's own, in double.
at::Tensor reference(const at::Tensor& logits_NV, const at::Tensor& classes_N) {
  return at::cross_entropy_loss(logits_NV.to(at::kDouble), classes_N, {}, at::Reduction::Sum, kIgnoredTarget);
}

at::Tensor gradient_of(const at::Tensor& loss, const at::Tensor& logits, bool create_graph = false) {
  return torch::autograd::grad({loss}, {logits}, {}, std::nullopt, create_graph)[0];
}

struct Rows {
  at::Tensor logits_NV;
  at::Tensor classes_N;
};

Rows rows_of(std::int64_t count, std::int64_t outputs, at::ScalarType dtype) {
  Rows rows{(4.0 * at::randn({count, outputs})).to(dtype).requires_grad_(), at::randint(outputs, {count}, at::kLong)};
  rows.classes_N.mutable_data_ptr<std::int64_t>()[count / 2] = kIgnoredTarget;
  return rows;
}

double largest(const at::Tensor& x) { return x.detach().to(at::kDouble).abs().max().item<double>(); }

TEST(CrossEntropy, IsPyTorchsAndSoIsItsGradient) {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    for (const std::int64_t outputs : {1, 2, 10, 16, 63, 1000, 49152}) {
      const Rows rows = rows_of(7, outputs, dtype);
      const at::Tensor ours = cross_entropy_sum(rows.logits_NV, rows.classes_N), theirs = reference(rows.logits_NV, rows.classes_N);
      EXPECT_NEAR(ours.item<double>(), theirs.item<double>(), 2e-6 * std::abs(theirs.item<double>()) + 1e-6) << outputs;
      // A mean is a sum with a smaller gradient coming in.
      const at::Tensor found = gradient_of(ours.div(6.0), rows.logits_NV), expected = gradient_of(theirs.div(6.0), rows.logits_NV);
      EXPECT_EQ(found.scalar_type(), dtype);
      const double tolerance = dtype == at::kFloat ? 1e-6 : 1.0 / 512.0 / 6.0;  // bfloat16: half a unit in the last place
      EXPECT_LE(largest(found.to(at::kDouble) - expected.to(at::kDouble)), tolerance) << outputs;
    }
  }
}

TEST(CrossEntropy, SeesWhatIsNotFinite) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const float bad : {std::nanf(""), kInfinity}) {
    for (const std::int64_t at : {0, 5, 19}) {
      Rows rows = rows_of(3, 20, at::kFloat);
      rows.logits_NV.detach().mutable_data_ptr<float>()[at] = bad;
      EXPECT_TRUE(std::isnan(cross_entropy_sum(rows.logits_NV, rows.classes_N).item<double>())) << bad << " at " << at;
    }
  }
  Rows excluded = rows_of(1, 20, at::kFloat);
  excluded.classes_N.mutable_data_ptr<std::int64_t>()[0] = 3;
  excluded.logits_NV.detach().mutable_data_ptr<float>()[4] = -kInfinity;  // a class that is ruled out
  EXPECT_NEAR(cross_entropy_sum(excluded.logits_NV, excluded.classes_N).item<double>(),
              reference(excluded.logits_NV, excluded.classes_N).item<double>(), 1e-5);
  const at::Tensor far = at::randn({2, 20}) * 1e4;
  const at::Tensor classes = at::randint(20, {2}, at::kLong);
  EXPECT_NEAR(cross_entropy_sum(far, classes).item<double>(), reference(far, classes).item<double>(), 1e-2);
}

TEST(CrossEntropy, CanBeDifferentiatedTwice) {
  const Rows rows = rows_of(5, 12, at::kFloat);
  const at::Tensor weights = at::randn({5, 12});
  const auto second = [&](const at::Tensor& loss) {
    return gradient_of((gradient_of(loss, rows.logits_NV, true) * weights).sum(), rows.logits_NV);
  };
  const at::Tensor found = second(cross_entropy_sum(rows.logits_NV, rows.classes_N));
  EXPECT_LE(largest(found - second(reference(rows.logits_NV, rows.classes_N).to(at::kFloat))), 1e-5);
}

}  // namespace
}  // namespace coppice
