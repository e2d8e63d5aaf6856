#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/silu.h>
#include <torch/csrc/autograd/autograd.h>

#include <vector>

#include <gtest/gtest.h>

#include "models/gated_silu.h"
#include "models/rotary.h"

namespace coppice {
namespace {

using Gradients = std::vector<at::Tensor>;

double largest(const at::Tensor& x) { return x.detach().to(at::kDouble).abs().max().item<double>(); }

// Of the largest value: float32, and one unit of bfloat16.
double tolerance(at::ScalarType dtype) { return dtype == at::kFloat ? 1e-6 : 1.0 / 128.0; }

TEST(GatedSilu, AndItsGradientsAreTheFormulasInDouble) {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const at::Tensor a = (5.0 * at::randn({7, 33})).to(dtype).requires_grad_(), b = at::randn({7, 33}).to(dtype).requires_grad_();
    const at::Tensor weights = at::randn({7, 33}).to(dtype);
    const at::Tensor ours = gated_silu(a, b), theirs = at::silu(a.to(at::kDouble)) * b.to(at::kDouble);
    EXPECT_EQ(ours.scalar_type(), dtype);
    EXPECT_LE(largest(ours.to(at::kDouble) - theirs), tolerance(dtype) * largest(theirs));
    const Gradients found = torch::autograd::grad({ours}, {a, b}, {weights});
    const Gradients expected = torch::autograd::grad({theirs}, {a, b}, {weights.to(at::kDouble)});
    for (const std::size_t i : {0, 1}) EXPECT_LE(largest(found[i] - expected[i]), tolerance(dtype) * largest(expected[i])) << i;
  }
}

TEST(GatedSilu, HoldsFarFromZero) {
  const at::Tensor a = at::randn({1, 64}) * 1e3, b = at::randn({1, 64});
  EXPECT_LE(largest(gated_silu(a, b) - at::silu(a) * b), 1e-6 * largest(a));
}

TEST(GatedSilu, CanBeDifferentiatedTwice) {
  const at::Tensor a = at::randn({4, 9}).requires_grad_(), b = at::randn({4, 9}).requires_grad_(), weights = at::randn({4, 9});
  const auto second = [&](const at::Tensor& y) {
    const Gradients first = torch::autograd::grad({y.sum()}, {a}, {}, true, true);
    return torch::autograd::grad({(first[0] * weights).sum()}, {a, b});
  };
  const Gradients found = second(gated_silu(a, b)), expected = second(at::silu(a) * b);
  for (const std::size_t i : {0, 1}) EXPECT_LE(largest(found[i] - expected[i]), 1e-5) << i;
}

// (a, b) -> (a cos - b sin, b cos + a sin) for the halves a and b of a head.
at::Tensor reference(const at::Tensor& x_BTHD, const RotaryTable& table) {
  const auto spread = [&](const at::Tensor& t_TP) {
    return at::cat({t_TP, t_TP}, -1).narrow(0, 0, x_BTHD.size(1)).unsqueeze(1).to(at::kDouble);
  };
  const std::vector<at::Tensor> halves = x_BTHD.to(at::kDouble).chunk(2, -1);
  return x_BTHD.to(at::kDouble) * spread(table.cos_TP) + at::cat({-halves[1], halves[0]}, -1) * spread(table.sin_TP);
}

TEST(Rotary, TurnsPairsOfTheHalvesAndItsGradientTurnsBack) {
  const RotaryTable table(12, 8, 10000.0);
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const at::Tensor x = at::randn({2, 10, 3, 8}).to(dtype).requires_grad_(), weights = at::randn({2, 10, 3, 8}).to(dtype);
    const at::Tensor ours = rotated(x, table), theirs = reference(x, table);
    EXPECT_EQ(ours.scalar_type(), dtype);
    EXPECT_LE(largest(ours.to(at::kDouble) - theirs), tolerance(dtype) * largest(theirs));
    const at::Tensor found = torch::autograd::grad({ours}, {x}, {weights})[0];
    const at::Tensor expected = torch::autograd::grad({theirs}, {x}, {weights.to(at::kDouble)})[0];
    EXPECT_LE(largest(found - expected), tolerance(dtype) * largest(expected));
  }
}

TEST(Rotary, KeepsLengthsAndTheFirstToken) {
  const RotaryTable table(6, 16, 500.0);
  const at::Tensor x = at::randn({1, 6, 2, 16}), y = rotated(x, table);
  EXPECT_LE(largest((x * x).sum(-1) - (y * y).sum(-1)), 1e-5);
  EXPECT_EQ(largest(x.select(1, 0) - y.select(1, 0)), 0.0);
}

TEST(Rotary, CanBeDifferentiatedTwice) {
  const RotaryTable table(5, 4, 10000.0);
  const at::Tensor x = at::randn({1, 5, 2, 4}).requires_grad_();
  const auto second = [&](const at::Tensor& y) {
    const at::Tensor first = torch::autograd::grad({(y * y * y).sum()}, {x}, {}, true, true)[0];
    return torch::autograd::grad({(first * first).sum()}, {x})[0];
  };
  const at::Tensor expected = second(reference(x, table));
  EXPECT_LE(largest(second(rotated(x, table)) - expected), 1e-5 * largest(expected));
}

}  // namespace
}  // namespace coppice
