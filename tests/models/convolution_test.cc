// Strided 1 x 1 convolutions of every number of channels, and others, against themselves in double.
#include "models/convolution.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/randn_like.h>
#include <torch/csrc/autograd/autograd.h>

#include <vector>

#include <gtest/gtest.h>

namespace coppice {
namespace {

struct Case {
  std::int64_t channels, outputs, kernel;
  ConvGeometry geometry;
};

std::vector<Case> cases() {
  std::vector<Case> all = {{16, 8, 1, square_conv(2, 0)}, {5, 7, 3, square_conv(2, 1)}, {6, 4, 1, square_conv(1, 0)}, {6, 4, 1, square_conv(2, 1)}};
  for (const std::int64_t channels : {1, 3, 4, 6, 7, 12, 15, 24}) all.push_back({channels, 8, 1, square_conv(2, 0)});
  all.push_back({6, 8, 1, {.stride = {1, 3}}});
  all.push_back({6, 8, 1, {.stride = {2, 2}, .groups = 2}});
  return all;
}

void expect_near(const at::Tensor& found, const at::Tensor& expected, const char* what) {
  ASSERT_EQ(found.sizes(), expected.sizes()) << what;
  EXPECT_LE((found.to(at::kDouble) - expected).abs().max().item<double>(), 1e-5 * (1.0 + expected.abs().max().item<double>())) << what;
}

TEST(Convolution, AndItsGradientsAreThoseInDouble) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(testing::Message() << c.channels << " channels, kernel " << c.kernel << ", stride " << c.geometry.stride[1]);
    const auto leaf = [](at::IntArrayRef shape) { return at::randn(shape).requires_grad_(); };
    const at::Tensor x = leaf({8, c.channels, 16, 15}), w = leaf({c.outputs, c.channels / c.geometry.groups, c.kernel, c.kernel}), b = leaf({c.outputs});
    const at::Tensor y = convolution(x, w, b, c.geometry), g = at::randn_like(y);
    const ConvGeometry& geometry = c.geometry;
    const auto doubled = [](const at::Tensor& t) { return t.detach().to(at::kDouble).requires_grad_(); };
    const at::Tensor wide_x = doubled(x), wide_w = doubled(w), wide_b = doubled(b);
    const at::Tensor exact = at::conv2d(wide_x, wide_w, wide_b, geometry.stride, geometry.padding, geometry.dilation, geometry.groups);
    expect_near(y, exact, "y");
    const auto expected = torch::autograd::grad({exact}, {wide_x, wide_w, wide_b}, {g.to(at::kDouble)});
    const auto found = torch::autograd::grad({y}, {x, w, b}, {g});
    const ConvGradients by_hand = convolution_gradients(g, x.detach(), w.detach(), geometry, {});
    const at::Tensor direct[] = {by_hand.x_BCHW, by_hand.w_OIKK, by_hand.bias_O};
    const char* names[] = {"x", "w", "bias"};
    for (std::size_t i = 0; i < 3; ++i) {
      expect_near(found[i], expected[i], names[i]);
      expect_near(direct[i], expected[i], names[i]);
    }
    EXPECT_FALSE(convolution_gradients(g, x.detach(), w.detach(), geometry, {.x = false}).x_BCHW.defined());
  }
}

// Whatever the CPU: of the same rounded numbers, the result rounded once more.
TEST(Convolution, ProductsOfBfloatAreThoseOfFloatsRounded) {
  const auto leaf = [](at::IntArrayRef shape) { return at::randn(shape).to(at::kBFloat16).requires_grad_(); };
  const auto floats = [](const at::Tensor& t) { return t.detach().to(at::kFloat).requires_grad_(); };
  const at::Tensor x = leaf({4, 6, 8, 8}), w = leaf({7, 6, 3, 3}), b = leaf({7}), rows = leaf({33, 24}), matrix = leaf({17, 24}), bias = leaf({17});
  Tap tap;
  const auto compare = [&](const at::Tensor& y, const at::Tensor& exact, const std::vector<at::Tensor>& inputs, const std::vector<at::Tensor>& wide) {
    ASSERT_EQ(y.scalar_type(), at::kBFloat16);
    const at::Tensor g = at::randn_like(y);
    auto found = torch::autograd::grad({y}, inputs, {g});
    auto expected = torch::autograd::grad({exact}, wide, {g.to(at::kFloat)});
    found.push_back(y.detach());
    expected.push_back(exact.detach());
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_EQ(found[i].scalar_type(), at::kBFloat16);
      EXPECT_LE((found[i].to(at::kFloat) - expected[i]).abs().max().item<double>(), 0.01 * expected[i].abs().max().item<double>()) << i;
    }
  };
  const std::vector<at::Tensor> wide = {floats(x), floats(w), floats(b)}, wide_rows = {floats(rows), floats(matrix), floats(bias)};
  const ConvGeometry geometry = square_conv(2, 1);
  compare(tap.conv(0, x, w, b, geometry), tap.conv(0, wide[0], wide[1], wide[2], geometry), {x, w, b}, wide);
  compare(tap.linear(0, rows, matrix, bias), tap.linear(0, wide_rows[0], wide_rows[1], wide_rows[2]), {rows, matrix, bias}, wide_rows);
}

}  // namespace
}  // namespace coppice
