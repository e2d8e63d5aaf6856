#include "algorithms/training/block_pass.h"

#include <set>

#include <gtest/gtest.h>

#include "algorithms/training/replica.h"
#include "tests/algorithms/passes.h"

namespace coppice::test {
namespace {

struct Leaves {
  std::vector<at::Tensor> params;
  std::vector<at::Tensor> moments;

  Leaves(const ModelState& state, at::ScalarType dtype) {
    for (const at::Tensor& view : state.base.views()) params.push_back(view.to(dtype).clone().set_requires_grad(true));
    for (const at::Tensor& view : state.moments.views()) moments.push_back(view.clone());
  }
  Weights weights() const { return {params, moments}; }
};

Batch cast(Batch batch, at::ScalarType dtype) {
  if (auto* images = std::get_if<Images>(&batch.inputs)) images->x_BCHW = images->x_BCHW.to(dtype);
  if (auto* features = std::get_if<Features>(&batch.inputs)) features->x_BF = features->x_BF.to(dtype);
  return batch;
}

void expect_same_bits(const at::Tensor& found, const at::Tensor& expected, const std::string& what) {
  ASSERT_EQ(found.defined(), expected.defined()) << what;
  if (!found.defined()) return;
  EXPECT_TRUE(found.equal(expected)) << what;
}

TEST(BlockPass, GivesTheBitsOfOneGraph) {
  for (const Subject& subject : subjects()) {
    for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
      const Batch batch = cast(batch_for(*subject.model, 5, 40), dtype);
      for (const Mode mode : {Mode::kEval, Mode::kTrain}) {
        Tap tap;
        const Leaves whole(subject.state, dtype);
        const at::Tensor logits = subject.model->forward(batch, whole.weights(), tap, mode);
        loss_sum(LossKind::kCrossEntropy, logits, batch.targets).backward();
        for (const bool recompute : {false, true}) {
          const std::string what = subject.name + (recompute ? " twice" : " once");
          const Leaves cut(subject.state, dtype);
          const Weights weights = cut.weights();
          BlockPass pass(*subject.model, weights, tap, mode, recompute);
          const at::Tensor found = pass.forward(batch);
          expect_same_bits(found, logits, what);
          std::vector<int> order;
          pass.backward(loss_sum(LossKind::kCrossEntropy, found, batch.targets), [&](int block) { order.push_back(block); });
          ASSERT_EQ(static_cast<int>(order.size()), subject.model->num_blocks());
          for (int i = 0; i < subject.model->num_blocks(); ++i) {
            EXPECT_EQ(order[static_cast<std::size_t>(i)], subject.model->num_blocks() - 1 - i);
          }
          for (std::size_t i = 0; i < cut.params.size(); ++i) {
            expect_same_bits(cut.params[i].grad(), whole.params[i].grad(), what + " " + std::to_string(i));
          }
          for (std::size_t i = 0; i < cut.moments.size(); ++i) {
            expect_same_bits(cut.moments[i], whole.moments[i], what + " moments " + std::to_string(i));
          }
        }
      }
    }
  }
}

TEST(Replica, GivesEachGradientOnceAsSoonAsItIsWhole) {
  const Subject subject = small_llama();
  const std::shared_ptr<const Model> model = make_model(subject.model->config());
  const auto state = std::make_shared<const ModelState>(subject.state.clone());
  const Batch batch = batch_for(*model, 3, 11);
  Tap tap;
  Replica replica(model);
  replica.load(state, Precision::kBF16);
  replica.backward(batch, LossKind::kCrossEntropy, tap, Mode::kEval, false);
  const std::vector<at::Tensor> kept(replica.gradients().begin(), replica.gradients().end());
  replica.set_recompute(true);
  std::set<ParamId> taken;
  int block = model->num_blocks();
  replica.backward(batch, LossKind::kCrossEntropy, tap, Mode::kEval, false, nullptr, [&](ParamId tensor, const at::Tensor& gradient) {
    EXPECT_TRUE(taken.insert(tensor).second);
    EXPECT_LE(model->first_block_of(tensor), block);
    block = model->first_block_of(tensor);
    expect_same_bits(gradient, kept[static_cast<std::size_t>(tensor)], std::to_string(tensor));
  });
  EXPECT_EQ(static_cast<int>(taken.size()), model->base_layout()->size());
  for (const at::Tensor& gradient : replica.gradients()) EXPECT_FALSE(gradient.defined());
  EXPECT_EQ(block, 0);
}

}  // namespace
}  // namespace coppice::test
