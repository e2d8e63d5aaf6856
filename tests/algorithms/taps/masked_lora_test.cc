#include "algorithms/taps/masked_lora.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/matmul.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "models/losses.h"
#include "tests/algorithms/training/goldens.h"

namespace coppice::test {
namespace {

std::vector<Subject> three_families() {
  std::vector<Subject> all;
  all.push_back(small_mlp());
  all.push_back(small_resnet8());
  all.push_back(small_llama());
  return all;
}

std::vector<ParamId> matrices_of(const Model& model) {
  std::vector<ParamId> tensors;
  for (const PatternMatrix& matrix : model.structure().matrices) tensors.push_back(matrix.tensor);
  return tensors;
}

Arena fresh_adapters(const Subject& subject, std::span<const ParamId> tensors) {
  return initial_lora(lora_layout(*subject.model->base_layout(), tensors, 2), Seed{.run = 3});
}

Arena trained_adapters(const Subject& subject, std::span<const ParamId> tensors) {
  Arena adapters = fresh_adapters(subject, tensors);
  for (int b = 1; b < adapters.layout().size(); b += 2) {
    adapters.view(b).copy_(hash_tensor(adapters.layout()[b].shape, static_cast<std::uint32_t>(b), 0.4F));
  }
  return adapters;
}

MaskedLora tap_of(const Subject& subject, std::span<const ParamId> tensors, const Arena& adapters, const Mask* mask) {
  return MaskedLora(*subject.model->base_layout(), tensors, adapters, 1.5, mask);
}

at::Tensor loss_of(const Subject& subject, std::span<const at::Tensor> params, Tap& tap) {
  const Batch batch = batch_for(*subject.model, 5, 33);
  const at::Tensor logits = subject.model->forward(batch, {params, subject.state.moments.views()}, tap, Mode::kEval);
  return loss_sum(LossKind::kCrossEntropy, logits, batch.targets);
}

TEST(MaskedLora, StartsAsTheModelItself) {
  for (const Subject& subject : three_families()) {
    const std::vector<ParamId> tensors = matrices_of(*subject.model);
    const Arena adapters = fresh_adapters(subject, tensors);
    MaskedLora lora = tap_of(subject, tensors, adapters, nullptr);
    Tap bare;
    const auto& views = subject.state.base.views();
    EXPECT_EQ(loss_of(subject, views, lora).item<float>(), loss_of(subject, views, bare).item<float>()) << subject.name;
  }
}

TEST(MaskedLora, AdaptedForwardIsTheMergedForward) {
  for (const Subject& subject : three_families()) {
    const Mask mask = element_mask(*subject.model, 6);
    const std::vector<ParamId> tensors = matrices_of(*subject.model);
    const Arena adapters = trained_adapters(subject, tensors);
    for (const Mask* pattern : {static_cast<const Mask*>(nullptr), &mask}) {
      if (pattern != nullptr) pattern->apply_to(subject.state.base);
      MaskedLora lora = tap_of(subject, tensors, adapters, pattern);
      const Arena merged = lora.merge(subject.state.base, pattern);
      EXPECT_NE(merged.digest(), subject.state.base.digest());
      Tap bare;
      const Batch batch = batch_for(*subject.model, 5, 33);
      const auto& moments = subject.state.moments.views();
      const at::Tensor adapted = subject.model->forward(batch, {subject.state.base.views(), moments}, lora, Mode::kEval);
      const at::Tensor plain = subject.model->forward(batch, {merged.views(), moments}, bare, Mode::kEval);
      EXPECT_LT((adapted - plain).abs().max().item<double>(), 1e-5 * plain.abs().max().item<double>()) << subject.name;
    }
  }
}

TEST(MaskedLora, GradientsAreThoseOfTheMergedWeightUnderTheMask) {
  for (const Subject& subject : three_families()) {
    const Mask mask = element_mask(*subject.model, 6);
    mask.apply_to(subject.state.base);
    const std::vector<ParamId> all = matrices_of(*subject.model);
    const std::vector<ParamId> some(all.begin(), all.end() - 1);
    const Arena adapters = trained_adapters(subject, some);
    MaskedLora lora = tap_of(subject, some, adapters, &mask);

    std::vector<at::Tensor> leaves, merged_leaves;
    for (const at::Tensor& view : subject.state.base.views()) leaves.push_back(view.clone().set_requires_grad(true));
    loss_of(subject, leaves, lora).backward();
    const Arena merged = lora.merge(subject.state.base, &mask);
    for (const at::Tensor& view : merged.views()) merged_leaves.push_back(view.clone().set_requires_grad(true));
    Tap bare;
    loss_of(subject, merged_leaves, bare).backward();

    for (const ParamId tensor : some) {
      EXPECT_FALSE(leaves[static_cast<std::size_t>(tensor)].grad().defined()) << "an adapted weight is frozen";
      const Arena gradient = subject.state.base.zeros_like();
      gradient.view(tensor).copy_(merged_leaves[static_cast<std::size_t>(tensor)].grad());
      mask.apply_to(gradient);
      const at::Tensor g_OI = gradient.view(tensor).reshape({lora.b(tensor).size(0), -1});
      const at::Tensor expected_b = 1.5 * at::matmul(g_OI, lora.a(tensor).detach().t());
      const at::Tensor expected_a = 1.5 * at::matmul(lora.b(tensor).detach().t(), g_OI);
      const auto differ = [](const at::Tensor& x, const at::Tensor& y) {
        return (x - y).abs().max().item<double>() / y.abs().max().item<double>();
      };
      EXPECT_LT(differ(lora.b(tensor).grad(), expected_b), 1e-4) << subject.name << " " << tensor;
      EXPECT_LT(differ(lora.a(tensor).grad(), expected_a), 1e-4) << subject.name << " " << tensor;
    }
    EXPECT_TRUE(leaves[static_cast<std::size_t>(all.back())].grad().defined()) << "one without an adapter is not";
    EXPECT_THROW(lora.a(all.back()), std::out_of_range);
  }
}

TEST(MaskedLora, MergeKeepsThePatternOrIsRefused) {
  for (const Subject& subject : three_families()) {
    const Mask mask = element_mask(*subject.model, 6);
    mask.apply_to(subject.state.base);
    const std::vector<ParamId> tensors = matrices_of(*subject.model);
    const Arena adapters = trained_adapters(subject, tensors);
    Arena merged = tap_of(subject, tensors, adapters, &mask).merge(subject.state.base, &mask);
    const Digest digest = merged.digest();
    mask.apply_to(merged);
    EXPECT_EQ(merged.digest(), digest);

    const MaskedLora dense = tap_of(subject, tensors, adapters, nullptr);
    EXPECT_THROW(dense.merge(subject.state.base, &mask), InputError);
    EXPECT_NO_THROW(dense.merge(subject.state.base, nullptr));
  }
}

TEST(MaskedLora, RefusesWhatHasNoLowRankForm) {
  const Subject subject = small_mlp();
  const ArenaLayout& base = *subject.model->base_layout();
  const std::vector<ParamId> weight = {0}, bias = {1};
  EXPECT_THROW(lora_layout(base, bias, 1), InputError);
  EXPECT_EQ((*lora_layout(base, weight, 1))[0].shape[0], 1);
  EXPECT_EQ((*lora_layout(base, weight, 1000))[0].shape[0], 10) << "no more than the matrix has";
}

}  // namespace
}  // namespace coppice::test
