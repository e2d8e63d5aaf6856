#include "models/wide_linear.h"

#include <ATen/TensorOperators.h>
#include <ATen/Version.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

#include <gtest/gtest.h>

#include "models/tap.h"

namespace coppice {
namespace {

// Deterministic values in [-1, 1).
at::Tensor values(at::IntArrayRef shape, double step) {
  at::Tensor x = at::empty(shape, at::kFloat);
  float* p = x.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < x.numel(); ++i) p[i] = static_cast<float>(std::fmod(static_cast<double>(i) * step, 2.0) - 1.0);
  return x;
}

double largest_difference(const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<double>(); }

constexpr std::int64_t kRows = 24, kInputs = 700, kOutputs = 800;

struct Operands {
  at::Tensor x_BTI = values({2, kRows / 2, kInputs}, 0.618033).set_requires_grad(true);
  at::Tensor w_OI = values({kOutputs, kInputs}, 0.414213).set_requires_grad(true);
  at::Tensor b_O = values({kOutputs}, 0.3).set_requires_grad(true);
  std::vector<at::Tensor> all() const { return {x_BTI, w_OI, b_O}; }
};

TEST(WideLinear, IsForManyProductsAndRowsOfFloat32WithAvx512) {
  const Operands on;
  EXPECT_EQ(is_wide_linear(on.x_BTI, on.w_OI), at::get_cpu_capability().starts_with("AVX512"));
  EXPECT_FALSE(is_wide_linear(on.x_BTI.slice(1, 0, 4), on.w_OI));
  EXPECT_FALSE(is_wide_linear(on.x_BTI, on.w_OI.slice(0, 0, 100)));
  EXPECT_FALSE(is_wide_linear(on.x_BTI.to(at::kBFloat16), on.w_OI.to(at::kBFloat16)));
}

TEST(WideLinear, AgreesWithLinearInValuesAndGradients) {
  for (const bool biased : {true, false}) {
    const Operands on;
    const at::Tensor bias = biased ? on.b_O : at::Tensor();
    std::vector<at::Tensor> inputs = on.all();
    if (!biased) inputs.pop_back();
    const at::Tensor plain = at::linear(on.x_BTI, on.w_OI, bias), wide = wide_linear(on.x_BTI, on.w_OI, bias);
    ASSERT_EQ(wide.sizes(), plain.sizes());
    EXPECT_LT(largest_difference(wide, plain), 1e-3);
    const at::Tensor upstream = values(plain.sizes(), 0.7071);
    const auto expected = torch::autograd::grad({plain}, inputs, {upstream});
    const auto found = torch::autograd::grad({wide}, inputs, {upstream});
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      ASSERT_EQ(found[i].sizes(), expected[i].sizes());
      EXPECT_TRUE(found[i].is_contiguous());
      EXPECT_LT(largest_difference(found[i], expected[i]), 1e-3) << i;
      EXPECT_GT(expected[i].abs().max().item<double>(), 1.0) << i;
    }
  }
}

TEST(WideLinear, IsTwiceDifferentiable) {
  const auto second = [](auto linear) {
    const Operands on;
    const at::Tensor y = linear(on.x_BTI, on.w_OI, on.b_O);
    const auto first = torch::autograd::grad({(y * y).sum()}, {on.w_OI}, {}, std::nullopt, true);
    return torch::autograd::grad({first[0].sum()}, {on.x_BTI})[0];
  };
  const at::Tensor expected = second([](const auto&... args) { return at::linear(args...); });
  const at::Tensor found = second([](const auto&... args) { return wide_linear(args...); });
  const double scale = expected.abs().max().item<double>();
  EXPECT_GT(scale, 1.0);
  EXPECT_LT(largest_difference(found, expected), 1e-5 * scale);
}

TEST(WideLinear, TheTapTakesItWhereItIsTheFasterOne) {
  const Operands on;
  const at::NoGradGuard no_grad;
  Tap tap;
  const at::Tensor y = tap.linear(0, on.x_BTI, on.w_OI, on.b_O);
  const at::Tensor expected =
      is_wide_linear(on.x_BTI, on.w_OI) ? wide_linear(on.x_BTI, on.w_OI, on.b_O) : at::linear(on.x_BTI, on.w_OI, on.b_O);
  EXPECT_EQ(largest_difference(y, expected), 0.0);
}

}  // namespace
}  // namespace coppice
