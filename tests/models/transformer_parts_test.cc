#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/randn_like.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/softmax.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "models/attention.h"
#include "models/block_attention.h"
#include "models/cross_entropy.h"
#include "models/gated_silu.h"
#include "models/rms_norm.h"
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

// In double, of the last queries of a text.
at::Tensor attention_reference(const at::Tensor& q_BHTD, const KeysAndValues& seen) {
  const auto heads = [&](const at::Tensor& x) { return x.to(at::kDouble).repeat_interleave(q_BHTD.size(1) / x.size(1), 1); };
  const std::int64_t tokens = q_BHTD.size(2), all = seen.k_BGSD.size(2);
  const at::Tensor hidden_TS = at::ones({tokens, all}, at::kBool).triu(all - tokens + 1);
  const at::Tensor scores = at::matmul(q_BHTD.to(at::kDouble), heads(seen.k_BGSD).transpose(2, 3)) / std::sqrt(q_BHTD.size(3));
  return at::matmul(at::softmax(scores.masked_fill(hidden_TS, -1e30), 3), heads(seen.v_BGSD));
}

// Eight bits, of scores as well: about 0.4 % in the mean, more where a single value is small against what it is a mean of.
void expect_near_in_bfloat(const at::Tensor& found, const at::Tensor& expected) {
  EXPECT_EQ(found.sizes(), expected.sizes());
  const at::Tensor exact = expected.to(at::kDouble), off = found.to(at::kDouble) - exact;
  EXPECT_LE(off.norm().item<double>(), 0.01 * exact.norm().item<double>());
  EXPECT_LE(largest(off), 0.03 * largest(exact));
}

struct AttentionCase {
  std::int64_t batch, heads, groups, tokens, seen, width;
};

// Blocks of one kind, of several, of a text that goes on; heads that share keys and heads that do not.
const std::vector<AttentionCase> kAttentionCases = {{2, 4, 2, 16, 16, 8}, {1, 3, 3, 150, 150, 16}, {1, 6, 2, 140, 300, 20}, {2, 2, 1, 257, 257, 8}};

TEST(BlockAttention, AndItsGradientsAreTheFormulasInDouble) {
  for (const AttentionCase& c : kAttentionCases) {
    SCOPED_TRACE(c.tokens);
    // As a decoder has them: heads inside, seen from the other side.
    const auto draw = [&](std::int64_t heads, std::int64_t tokens) {
      return at::randn({c.batch, tokens, heads, c.width}).to(at::kBFloat16).transpose(1, 2).requires_grad_();
    };
    const at::Tensor q = draw(c.heads, c.tokens), k = draw(c.groups, c.seen), v = draw(c.groups, c.seen), weights = draw(c.heads, c.tokens).detach();
    ASSERT_TRUE(is_block_attention(q, {k, v}));
    const at::Tensor ours = causal_attention(q, {k, v}, 0), theirs = attention_reference(q, {k, v});
    EXPECT_EQ(ours.scalar_type(), at::kBFloat16);
    expect_near_in_bfloat(ours, theirs);
    const Gradients found = torch::autograd::grad({ours}, {q, k, v}, {weights});
    const Gradients expected = torch::autograd::grad({theirs}, {q, k, v}, {weights.to(at::kDouble)});
    for (std::size_t i = 0; i < 3; ++i) {
      SCOPED_TRACE(i);
      expect_near_in_bfloat(found[i], expected[i]);
    }
  }
}

TEST(BlockAttention, NoTokenSeesWhatComesAfterIt) {
  const at::Tensor q = at::randn({1, 2, 200, 8}).to(at::kBFloat16), k = at::randn({1, 2, 200, 8}).to(at::kBFloat16), v = at::randn_like(k);
  const at::Tensor other_k = k.clone(), other_v = v.clone();
  other_k.narrow(2, 130, 70).normal_();
  other_v.narrow(2, 130, 70).normal_();
  const at::Tensor y = block_attention(q, {k, v}), other = block_attention(q, {other_k, other_v});
  EXPECT_TRUE(y.narrow(2, 0, 130).equal(other.narrow(2, 0, 130)));
  EXPECT_FALSE(y.narrow(2, 130, 70).equal(other.narrow(2, 130, 70)));
}

TEST(BlockAttention, WindowsOtherDevicesAndSingleTokensTakePyTorchsOwn) {
  const at::Tensor q = at::randn({1, 2, 20, 8}).to(at::kBFloat16);
  EXPECT_FALSE(is_block_attention(q.to(at::kFloat), {q, q}));
  EXPECT_FALSE(is_block_attention(q.narrow(2, 0, 1), {q, q}));
  const at::Tensor windowed = causal_attention(q, {q, q}, 4), whole = causal_attention(q, {q, q}, 0);
  EXPECT_GT(largest(windowed - whole), 0.05);
}

TEST(TransformerParts, ThreadsChangeNoBit) {
  const int threads = at::get_num_threads();
  const at::Tensor a = at::randn({300, 130}).to(at::kBFloat16).requires_grad_(), b = at::randn({300, 130}).to(at::kBFloat16).requires_grad_();
  const at::Tensor gamma = at::randn({130}).to(at::kBFloat16).requires_grad_(), classes = at::randint(130, {300}, at::kLong);
  const RotaryTable table(300, 26, 10000.0);
  const auto everything = [&] {
    const at::Tensor x = rms_norm(gated_silu(a, b), gamma, 1e-5), turned = rotated(x.view({1, 300, 5, 26}), table);
    const at::Tensor loss = cross_entropy_sum(turned.view({300, 130}), classes);
    Gradients all = torch::autograd::grad({loss}, {a, b, gamma});
    all.push_back(loss.detach());
    return all;
  };
  at::set_num_threads(1);
  const Gradients one = everything();
  at::set_num_threads(3);
  const Gradients three = everything();
  at::set_num_threads(threads);
  for (std::size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(one[i].equal(three[i])) << i;
}

}  // namespace
}  // namespace coppice
