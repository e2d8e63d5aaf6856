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

MaskedLora adapters(const Subject& subject, std::span<const ParamId> tensors, const Mask* mask) {
  MaskedLora lora(*subject.model->base_layout(), tensors, 2, 1.5, mask, Seed{.run = 3});
  for (const ParamId tensor : tensors) {
    lora.b(tensor).detach().copy_(hash_tensor(lora.b(tensor).sizes().vec(), static_cast<std::uint32_t>(tensor), 0.4F));
  }
  return lora;
}

at::Tensor loss_of(const Subject& subject, std::span<const at::Tensor> params, Tap& tap) {
  const Batch batch = batch_for(*subject.model, 5, 33);
  const at::Tensor logits = subject.model->forward(batch, {params, subject.state.moments.views()}, tap, Mode::kEval);
  return loss_sum(LossKind::kCrossEntropy, logits, batch.targets);
}

TEST(MaskedLora, StartsAsTheModelItself) {
  for (const Subject& subject : three_families()) {
    MaskedLora lora(*subject.model->base_layout(), matrices_of(*subject.model), 2, 1.5, nullptr, Seed{.run = 3});
    Tap bare;
    const auto& views = subject.state.base.views();
    EXPECT_EQ(loss_of(subject, views, lora).item<float>(), loss_of(subject, views, bare).item<float>()) << subject.name;
  }
}

TEST(MaskedLora, AdaptedForwardIsTheMergedForward) {
  for (const Subject& subject : three_families()) {
    const Mask mask = element_mask(*subject.model, 6);
    mask.apply_to(subject.state.base);
    MaskedLora lora = adapters(subject, matrices_of(*subject.model), &mask);
    const Arena merged = lora.merge(subject.state.base, &mask);
    EXPECT_NE(merged.digest(), subject.state.base.digest());
    Tap bare;
    const Batch batch = batch_for(*subject.model, 5, 33);
    const auto& moments = subject.state.moments.views();
    const at::Tensor adapted = subject.model->forward(batch, {subject.state.base.views(), moments}, lora, Mode::kEval);
    const at::Tensor plain = subject.model->forward(batch, {merged.views(), moments}, bare, Mode::kEval);
    EXPECT_LT((adapted - plain).abs().max().item<double>(), 1e-5 * plain.abs().max().item<double>()) << subject.name;
  }
}

TEST(MaskedLora, GradientsAreThoseOfTheMergedWeightUnderTheMask) {
  for (const Subject& subject : three_families()) {
    const Mask mask = element_mask(*subject.model, 6);
    mask.apply_to(subject.state.base);
    const std::vector<ParamId> all = matrices_of(*subject.model);
    const std::vector<ParamId> some(all.begin(), all.end() - 1);
    MaskedLora lora = adapters(subject, some, &mask);

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
    Arena merged = adapters(subject, tensors, &mask).merge(subject.state.base, &mask);
    const Digest digest = merged.digest();
    mask.apply_to(merged);
    EXPECT_EQ(merged.digest(), digest);

    const MaskedLora dense = adapters(subject, tensors, nullptr);
    EXPECT_THROW(dense.merge(subject.state.base, &mask), InputError);
    EXPECT_NO_THROW(dense.merge(subject.state.base, nullptr));
  }
}

TEST(MaskedLora, RefusesWhatHasNoLowRankForm) {
  const Subject subject = small_mlp();
  const ArenaLayout& base = *subject.model->base_layout();
  const std::vector<ParamId> weight = {0}, bias = {1};
  EXPECT_THROW(MaskedLora(base, bias, 1, 1.0, nullptr, {}), InputError);
  EXPECT_THROW(MaskedLora(base, weight, 0, 1.0, nullptr, {}), InputError);
  EXPECT_THROW(MaskedLora(base, weight, 11, 1.0, nullptr, {}), InputError);
  EXPECT_NO_THROW(MaskedLora(base, weight, 10, 1.0, nullptr, {}));
}

}  // namespace
}  // namespace coppice::test
