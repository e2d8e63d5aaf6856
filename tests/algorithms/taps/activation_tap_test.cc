#include "algorithms/importance/activation_tap.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/im2col.h>
#include <ATen/ops/sum.h>
#include <gtest/gtest.h>

#include "tests/algorithms/training/goldens.h"

namespace coppice::test {
namespace {

// Keeps every input as the columns that meet the weight matrix: im2col for convolutions.
class Columns final : public Tap {
 public:
  at::Tensor linear(ParamId weight, const at::Tensor& x_I, const at::Tensor& w_OI, const at::Tensor& bias_O) override {
    add(weight, x_I.reshape({-1, w_OI.size(1)}));
    return Tap::linear(weight, x_I, w_OI, bias_O);
  }
  at::Tensor conv(ParamId weight, const at::Tensor& x_BCHW, const at::Tensor& w_OIKK, const at::Tensor& bias_O,
                  ConvGeometry geometry) override {
    const at::Tensor columns_BIN = at::im2col(x_BCHW.contiguous(), {w_OIKK.size(2), w_OIKK.size(3)}, {1, 1},
                                              geometry.padding, geometry.stride);
    add(weight, columns_BIN.transpose(1, 2).reshape({-1, columns_BIN.size(1)}));
    return Tap::conv(weight, x_BCHW, w_OIKK, bias_O, geometry);
  }
  std::map<ParamId, InputSums> seen;

 private:
  static void add(const at::Tensor& x_NI, std::vector<double>& total) {
    const at::Tensor sums = at::sum(x_NI, {0}).contiguous();
    total.resize(static_cast<std::size_t>(sums.numel()));
    for (std::size_t i = 0; i < total.size(); ++i) total[i] += sums.const_data_ptr<double>()[i];
  }
  void add(ParamId weight, const at::Tensor& x_NI) {
    const at::Tensor x = x_NI.to(at::kDouble);
    add(x, seen[weight].sums);
    add(x.square(), seen[weight].squares);
    seen[weight].positions += static_cast<double>(x.size(0));
  }
};

TEST(ActivationTap, SeesTheColumnsOfEveryFamilyAndChangesNothing) {
  std::vector<Subject> families;
  families.push_back(small_mlp());
  families.push_back(small_resnet8());
  families.push_back(small_llama());
  for (const Subject& subject : families) {
    std::vector<int> tensors;
    for (const PatternMatrix& matrix : subject.model->structure().matrices) tensors.push_back(matrix.tensor);
    ActivationTap tap(tensors);
    Columns columns;
    for (const std::uint32_t salt : {5U, 6U}) {
      const Batch batch = batch_for(*subject.model, 4, salt);
      const at::Tensor observed = subject.model->forward(batch, subject.state.weights(), tap, Mode::kEval);
      EXPECT_TRUE(observed.equal(subject.model->forward(batch, subject.state.weights(), columns, Mode::kEval)));
    }
    const auto found = tap.take();
    ASSERT_EQ(found.size(), tensors.size());
    for (const auto& [tensor, inputs] : found) {
      const InputSums& expected = columns.seen.at(tensor);
      expect_near(inputs.sums, expected.sums, 1e-9, subject.name + " sums " + std::to_string(tensor));
      expect_near(inputs.squares, expected.squares, 1e-9, subject.name + " squares " + std::to_string(tensor));
      EXPECT_EQ(inputs.positions, expected.positions);
    }
    EXPECT_TRUE(tap.take().at(tensors[0]).squares.empty());
  }
}

}  // namespace
}  // namespace coppice::test
