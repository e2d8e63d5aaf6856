#include "algorithms/taps/swat.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include "tests/algorithms/training/goldens.h"

namespace coppice::test {
namespace {

struct Gradients {
  at::Tensor y, x, w, b;
};

// Of sum(c * y), under `upstream` for c where it is defined.
template <class Product>
Gradients through(const at::Tensor& x, const at::Tensor& w, const at::Tensor& b, const at::Tensor& upstream, const Product& product) {
  const at::Tensor x1 = x.detach().clone().set_requires_grad(true), w1 = w.detach().clone().set_requires_grad(true),
                   b1 = b.detach().clone().set_requires_grad(true);
  const at::Tensor y = product(x1, w1, b1);
  (y * upstream).sum().backward();
  return {y.detach(), x1.grad(), w1.grad(), b1.grad()};
}

void expect_equal(const at::Tensor& a, const at::Tensor& b) { EXPECT_LT((a - b).abs().max().item<double>(), 1e-5); }

// Outputs and the inputs' gradient are those of the largest weights, the gradient of all weights that of the largest inputs.
template <class Product>
void check(const at::Tensor& x, const at::Tensor& w, const at::Tensor& b, const at::Tensor& upstream, double share, Tap& swat,
           const Product& product) {
  Tap bare;
  const Gradients some = through(x, w, b, upstream, [&](auto&... t) { return product(swat, t...); });
  const Gradients of_weights = through(x, largest(w, share), b, upstream, [&](auto&... t) { return product(bare, t...); });
  const Gradients of_inputs = through(largest(x, share), w, b, upstream, [&](auto&... t) { return product(bare, t...); });
  EXPECT_TRUE(some.y.equal(of_weights.y));
  expect_equal(some.x, of_weights.x);
  expect_equal(some.b, of_weights.b);
  expect_equal(some.w, of_inputs.w);
  EXPECT_EQ(largest(w, share).ne(0).sum().item<std::int64_t>(), std::llround(share * static_cast<double>(w.numel())));
  EXPECT_GT((some.w * largest(w, share).eq(0)).abs().max().item<double>(), 1e-2);  // of weights that are left out, too
}

TEST(Swat, ProductsSeeTheLargestWeightsAndTheirGradientsTheLargestInputs) {
  const Subject subject = small_mlp();
  const Mask mask = element_mask(*subject.model, 4, 0.4);
  const ParamId tensor = mask.elements().begin()->first;
  const Bits& kept = mask.bits(tensor);
  const double share = static_cast<double>(kept.count()) / static_cast<double>(kept.size());
  Swat swat(&mask);
  const auto& shape = subject.state.base.layout()[tensor].shape;
  check(at::randn({5, shape[1]}), at::randn(shape), at::randn({shape[0]}), at::randn({5, shape[0]}), share, swat,
        [&](Tap& tap, const at::Tensor& x, const at::Tensor& w, const at::Tensor& b) { return tap.linear(tensor, x, w, b); });
}

TEST(Swat, ConvolutionsDoTheSame) {
  const Subject subject = small_resnet8();
  const Mask mask = element_mask(*subject.model, 7, 0.3);
  const ParamId tensor = mask.elements().begin()->first;
  const Bits& kept = mask.bits(tensor);
  Swat swat(&mask);
  const auto& shape = subject.state.base.layout()[tensor].shape;
  check(at::randn({2, shape[1], 6, 6}), at::randn(shape), at::randn({shape[0]}), at::randn({2, shape[0], 6, 6}),
        static_cast<double>(kept.count()) / static_cast<double>(kept.size()), swat,
        [&](Tap& tap, const at::Tensor& x, const at::Tensor& w, const at::Tensor& b) { return tap.conv(tensor, x, w, b, square_conv(1, 1)); });
}

TEST(Swat, WhatIsKeptWholeIsLeftAlone) {
  Tap bare;
  Swat swat(nullptr);
  const at::Tensor x = at::randn({3, 4}), w = at::randn({2, 4}), b = at::randn({2});
  EXPECT_TRUE(swat.linear(0, x, w, b).equal(bare.linear(0, x, w, b)));
}

TEST(Swat, TakesBfloat16) {
  const Subject subject = small_mlp();
  const Mask mask = element_mask(*subject.model, 4, 0.4);
  const ParamId tensor = mask.elements().begin()->first;
  const auto& shape = subject.state.base.layout()[tensor].shape;
  Swat swat(&mask);
  const at::Tensor w = at::randn(shape).to(at::kBFloat16).set_requires_grad(true);
  swat.linear(tensor, at::randn({5, shape[1]}).to(at::kBFloat16), w, at::Tensor()).sum().backward();
  EXPECT_EQ(w.grad().scalar_type(), at::kBFloat16);
}

}  // namespace
}  // namespace coppice::test
