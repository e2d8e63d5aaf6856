#include "models/rms_norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/rsqrt.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

namespace coppice {
namespace {

constexpr double kEps = 1e-5;

using Gradients = std::vector<at::Tensor>;

at::Tensor reference(const at::Tensor& x, const at::Tensor& gamma_D) {
  const at::Tensor wide = x.to(at::kDouble);
  return wide * at::rsqrt(at::mean(wide * wide, {-1}, true) + kEps) * gamma_D.to(at::kDouble);
}

double largest(const at::Tensor& x) { return x.detach().to(at::kDouble).abs().max().item<double>(); }

TEST(RmsNorm, AndItsGradientsAreTheFormulasInDouble) {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const double unit = dtype == at::kFloat ? 4e-7 : 1.0 / 256.0;  // of the result's largest value
    for (const std::int64_t width : {1, 15, 16, 64, 577}) {
      const at::Tensor x = at::randn({3, 50, width}).to(dtype).requires_grad_();
      const at::Tensor gamma_D = (1.0 + 0.3 * at::randn({width})).to(dtype).requires_grad_();
      const at::Tensor weights = at::randn({3, 50, width}).to(dtype);
      const at::Tensor ours = rms_norm(x, gamma_D, kEps), theirs = reference(x, gamma_D);
      EXPECT_EQ(ours.scalar_type(), dtype);
      EXPECT_LE(largest(ours.to(at::kDouble) - theirs), unit * largest(theirs)) << width;
      const Gradients found = torch::autograd::grad({ours}, {x, gamma_D}, {weights});
      const Gradients expected = torch::autograd::grad({theirs}, {x, gamma_D}, {weights.to(at::kDouble)});
      // In narrow rows the two terms of x's gradient all but cancel; the first is gamma r g. In bfloat16 the reference's own gradients
      // are rounded, too.
      const double first = largest(theirs / x.to(at::kDouble) * weights.to(at::kDouble));
      for (const std::size_t i : {0, 1}) {
        EXPECT_LE(largest(found[i].to(at::kDouble) - expected[i].to(at::kDouble)),
                  4 * unit * std::max(first, largest(expected[i]))) << width << " " << i;
      }
    }
  }
}

TEST(RmsNorm, ReadsRowsThatDoNotLieTogether) {
  const at::Tensor whole = at::randn({2, 6, 3, 8}), gamma_D = at::randn({8});
  const at::Tensor turned = whole.transpose(1, 2);
  EXPECT_EQ(largest(rms_norm(turned, gamma_D, kEps) - rms_norm(turned.contiguous(), gamma_D, kEps)), 0.0);
}

TEST(RmsNorm, CanBeDifferentiatedTwice) {
  const at::Tensor x = at::randn({7, 20}).requires_grad_(), gamma_D = at::randn({20}).requires_grad_();
  const at::Tensor outer = at::randn({7, 20}).requires_grad_(), weights = at::randn({7, 20});
  const auto second = [&](const at::Tensor& y) {
    const Gradients first = torch::autograd::grad({y}, {x}, {outer}, true, true);
    return torch::autograd::grad({(first[0] * weights).sum()}, {x, gamma_D, outer});
  };
  const Gradients found = second(rms_norm(x, gamma_D, kEps)), expected = second(reference(x, gamma_D).to(at::kFloat));
  for (const std::size_t i : {0, 1, 2}) EXPECT_LE(largest(found[i] - expected[i]), 1e-5 * largest(expected[i])) << i;
}

}  // namespace
}  // namespace coppice
