// SparseGPT against tests/golden/compensation/make_goldens.py, and what holds whatever the numbers.
#include "algorithms/compensation/sparse_gpt.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/matmul.h>

#include "algorithms/taps/input_products.h"
#include "core/error.h"
#include "tests/algorithms/passes.h"
#include "tests/models/golden_pass.h"

namespace coppice::test {
namespace {

const SafetensorsFile& golden() {
  static const SafetensorsFile file = read_safetensors(COPPICE_GOLDEN_DIR "/compensation/goldens.safetensors");
  return file;
}

at::Tensor golden_tensor(const std::string& name) { return tensor_of(*golden().find(name)); }

at::Tensor products(const at::Tensor& x_NI) {
  const at::Tensor wide = x_NI.to(at::kDouble);
  return at::matmul(wide.t(), wide);
}

TEST(SparseGpt, IsThatOfThePaper) {
  const at::Tensor h_II = products(golden_tensor("gpt.x"));
  for (const char* pattern : {"2:4", "4:8", "unstructured", "4x1"}) {
    const at::Tensor w_OI = golden_tensor("gpt.w");
    const Bits kept = sparse_gpt(w_OI, inverse_factor(h_II.clone(), 0.01), parse_pattern(pattern), w_OI.numel() / 2, 16);
    const std::string prefix = std::string("gpt.") + pattern;
    const at::Tensor expected = golden_tensor(prefix + ".kept");
    const auto* flags = expected.const_data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < kept.size(); ++i) ASSERT_EQ(kept[i], flags[i] != 0) << pattern << " " << i;
    expect_close(w_OI, golden_tensor(prefix + ".w"), 1e-5, pattern);
  }
}

// The output over the data is nearer to the dense one than that of the same mask without an update.
TEST(SparseGpt, UpdatesHelp) {
  const at::Tensor x_NI = golden_tensor("gpt.x"), dense_OI = golden_tensor("gpt.w");
  const at::Tensor w_OI = dense_OI.clone();
  const Bits kept = sparse_gpt(w_OI, inverse_factor(products(x_NI), 0.01), parse_pattern("2:4"), 0, 128);
  at::Tensor masked_OI = dense_OI.clone();
  for (std::int64_t i = 0; i < kept.size(); ++i) {
    if (kept[i]) continue;
    masked_OI.mutable_data_ptr<float>()[i] = 0.0F;
    EXPECT_EQ(w_OI.const_data_ptr<float>()[i], 0.0F);
  }
  const auto error = [&](const at::Tensor& w) { return at::matmul(x_NI, (w - dense_OI).t()).square().sum().item<double>(); };
  EXPECT_LT(error(w_OI), 0.75 * error(masked_OI));
}

// Also where a tile is not full, and where M does not divide the columns at once.
TEST(SparseGpt, KeepsNOfMWhateverTheSizes) {
  const at::Tensor x_NI = hash_tensor({50, 36}, 1, 2.0F);
  for (const auto& [n, m] : {std::pair{2, 4}, {1, 6}, {5, 9}, {7, 12}}) {
    const at::Tensor w_OI = hash_tensor({130, 36}, 2, 2.0F);
    const Pattern pattern{Pattern::Kind::kNOfM, n, m};
    const Bits kept = sparse_gpt(w_OI, inverse_factor(products(x_NI), 0.01), pattern, 0, 16);
    for (std::int64_t run = 0; run < kept.size(); run += m) {
      int count = 0;
      for (std::int64_t i = run; i < run + m; ++i) count += kept[i] ? 1 : 0;
      ASSERT_EQ(count, n) << m;
    }
  }
}

TEST(SparseGpt, QuotasAreMetToAPiece) {
  const at::Tensor x_NI = hash_tensor({50, 36}, 1, 2.0F);
  for (const char* pattern : {"unstructured", "4x1", "8x2"}) {
    const at::Tensor w_OI = hash_tensor({64, 36}, 2, 2.0F);
    EXPECT_EQ(sparse_gpt(w_OI, inverse_factor(products(x_NI), 0.01), parse_pattern(pattern), 64 * 36 / 4, 16).count(), 64 * 36 / 4)
        << pattern;
  }
}

// Also of triangles that are inverted by halves.
TEST(SparseGpt, FactorIsThatOfTheInverse) {
  for (const std::int64_t inputs : {7, 96, 97, 250}) {
    const at::Tensor h_II = products(hash_tensor({400, inputs}, 3, 2.0F));
    const at::Tensor u_II = inverse_factor(h_II.clone(), 0.01).u_II.to(at::kDouble);
    EXPECT_TRUE(u_II.equal(u_II.triu()));
    const at::Tensor damped_II = h_II + 0.01 * h_II.diagonal().mean() * at::eye(inputs, h_II.options());
    const at::Tensor product_II = at::matmul(at::matmul(u_II.t(), u_II), damped_II);
    EXPECT_LT(product_II.sub(at::eye(inputs, h_II.options())).abs().max().item<double>(), 1e-5) << inputs;
  }
}

TEST(SparseGpt, SingularProductsAreRefused) {
  const at::Tensor h_II = products(hash_tensor({3, 8}, 1, 2.0F)).neg();
  EXPECT_THROW(inverse_factor(h_II, 1e-6), InputError);
}

TEST(InputProducts, AreThoseOfEveryMatrix) {
  const Subject subject = small_llama();
  std::vector<std::int64_t> tensors;
  for (const PatternMatrix& matrix : subject.model->structure().matrices) tensors.push_back(matrix.tensor);
  const Batch batch = batch_for(*subject.model, 4, 5);

  struct Keeper final : Tap {
    at::Tensor linear(ParamId weight, const at::Tensor& x_I, const at::Tensor& w_OI, const at::Tensor& bias_O) override {
      inputs[weight] = x_I.reshape({-1, w_OI.size(1)});
      return Tap::linear(weight, x_I, w_OI, bias_O);
    }
    std::map<ParamId, at::Tensor> inputs;
  } keeper;
  InputProducts whole(tensors, false), diagonal(tensors, true);
  for (Tap* tap : std::initializer_list<Tap*>{&keeper, &whole, &diagonal}) {
    subject.model->forward(batch, subject.state.weights(), *tap, Mode::kEval);
  }
  for (const std::int64_t tensor : tensors) {
    const auto id = static_cast<ParamId>(tensor);
    const at::Tensor h_II = products(keeper.inputs.at(id)).contiguous();
    std::vector<double> triangle, largest;
    for (std::int64_t i = 0; i < h_II.size(0); ++i) {
      for (std::int64_t j = 0; j <= i; ++j) triangle.push_back(h_II[i][j].item<double>());
      largest.push_back(h_II[i][i].item<double>());
    }
    const std::vector<float> found = whole.take(id), found_diagonal = diagonal.take(id);
    expect_near(std::vector<double>(found.begin(), found.end()), triangle, 1e-5, "triangle");
    expect_near(std::vector<double>(found_diagonal.begin(), found_diagonal.end()), largest, 1e-5, "diagonal");
  }
}

}  // namespace
}  // namespace coppice::test
