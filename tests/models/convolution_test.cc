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

}  // namespace
}  // namespace coppice
