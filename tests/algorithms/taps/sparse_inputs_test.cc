#include "algorithms/taps/sparse_inputs.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/where.h>
#include <gtest/gtest.h>

namespace coppice::test {
namespace {

struct Gradients {
  at::Tensor y, x, w, b;
};

// Of sum(c * y) for some fixed c.
template <class Product>
Gradients through(const at::Tensor& x, const at::Tensor& w, const at::Tensor& b, const Product& product) {
  const at::Tensor x1 = x.detach().clone().set_requires_grad(true), w1 = w.detach().clone().set_requires_grad(true),
                   b1 = b.detach().clone().set_requires_grad(true);
  const at::Tensor y = product(x1, w1, b1);
  (y * y.detach().cos()).sum().backward();
  return {y.detach(), x1.grad(), w1.grad(), b1.grad()};
}

void expect_equal(const at::Tensor& a, const at::Tensor& b) { EXPECT_LT((a - b).abs().max().item<double>(), 1e-5); }

// Weights see the inputs that are left, inputs and biases all of it; the output is the bare one.
template <class Product>
void check(const at::Tensor& x, const at::Tensor& w, const at::Tensor& b, const Product& product) {
  const at::Tensor sorted = std::get<0>(x.abs().flatten().sort());
  const std::int64_t kept = x.numel() * 3 / 10;
  const at::Tensor left = at::where(x.abs() >= sorted[x.numel() - kept], x, 0.0);
  Tap bare;
  SparseInputs sparse(0.3), all(1.0);
  const Gradients plain = through(x, w, b, [&](auto&... t) { return product(bare, t...); });
  const Gradients whole = through(x, w, b, [&](auto&... t) { return product(all, t...); });
  const Gradients some = through(x, w, b, [&](auto&... t) { return product(sparse, t...); });
  expect_equal(whole.w, plain.w);
  expect_equal(whole.x, plain.x);
  expect_equal(some.y, plain.y);
  expect_equal(some.x, plain.x);
  expect_equal(some.b, plain.b);
  // The same upstream gradient on the inputs that are left.
  const at::Tensor x1 = left, w1 = w.detach().clone().set_requires_grad(true);
  (product(bare, x1, w1, b) * plain.y.cos()).sum().backward();
  expect_equal(some.w, w1.grad());
  EXPECT_GT((some.w - plain.w).abs().max().item<double>(), 1e-2);
}

TEST(SparseInputs, WeightsOfLinearLayersSeeTheLargestInputsAlone) {
  check(at::randn({4, 5, 8}), at::randn({6, 8}), at::randn({6}),
        [](Tap& tap, const at::Tensor& x, const at::Tensor& w, const at::Tensor& b) { return tap.linear(0, x, w, b); });
}

TEST(SparseInputs, WeightsOfConvolutionsSeeTheLargestInputsAlone) {
  for (const auto& [stride, groups] : {std::pair{1, 1}, {2, 1}, {1, 2}}) {
    ConvGeometry geometry = square_conv(stride, 1);
    geometry.groups = groups;
    check(at::randn({2, 4, 5, 5}), at::randn({6, 4 / groups, 3, 3}), at::randn({6}),
          [&](Tap& tap, const at::Tensor& x, const at::Tensor& w, const at::Tensor& b) { return tap.conv(0, x, w, b, geometry); });
  }
}

TEST(SparseInputs, TakeBfloat16AndNoBias) {
  SparseInputs tap(0.5);
  const at::Tensor x = at::randn({2, 4, 5, 5}).to(at::kBFloat16), w = at::randn({6, 4, 3, 3}).to(at::kBFloat16).set_requires_grad(true);
  tap.conv(0, x, w, at::Tensor(), square_conv(1, 1)).sum().backward();
  EXPECT_EQ(w.grad().scalar_type(), at::kBFloat16);
  const at::Tensor v = at::randn({3, 7}).to(at::kBFloat16).set_requires_grad(true);
  tap.linear(0, at::randn({5, 7}).to(at::kBFloat16), v, at::Tensor()).sum().backward();
  EXPECT_EQ(v.grad().scalar_type(), at::kBFloat16);
}

}  // namespace
}  // namespace coppice::test
