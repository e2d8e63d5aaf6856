#include "tests/algorithms/passes.h"

#include <algorithm>
#include <cmath>
#include <fstream>

#include <ATen/ops/empty.h>

#include "models/losses.h"
#include "models/tap.h"

namespace coppice::test {
namespace {

Subject subject_of(std::string name, const ModelConfig& config) {
  Subject subject{std::move(name), make_model(config), {}};
  subject.state = initial_state(*subject.model, Seed{.run = 7});
  const auto moments = subject.state.moments.floats();
  for (std::size_t i = 0; i < moments.size(); ++i) moments[i] += 0.02F * static_cast<float>(i % 5);
  return subject;
}

Resnet8Config resnet8_config() {
  Resnet8Config config;
  config.input = {8, 8, 2};
  config.residual = {4, 6, 8};
  config.inner = {4, 6, 8};
  config.outputs = 5;
  return config;
}

Resnet20Config resnet20_config() {
  Resnet20Config config;
  config.input = {8, 8, 3};
  return config;
}

}  // namespace

const nlohmann::json& goldens() {
  static const nlohmann::json parsed = [] {
    std::ifstream file(COPPICE_GOLDENS "/goldens.json");
    return nlohmann::json::parse(file);
  }();
  return parsed;
}

std::vector<double> hash_values(std::int64_t count, std::uint32_t salt, double scale) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < count; ++i) {
    std::uint32_t h = static_cast<std::uint32_t>(i) * 2654435761U + salt * 2246822519U;
    h ^= h >> 15;
    h *= 2246822519U;
    h ^= h >> 13;
    values.push_back((static_cast<double>(h >> 8) / (1 << 24) - 0.5) * scale);
  }
  return values;
}

at::Tensor hash_tensor(std::vector<std::int64_t> shape, std::uint32_t salt, float scale) {
  at::Tensor tensor = at::empty(shape, at::TensorOptions().dtype(at::kFloat));
  const std::vector<double> values = hash_values(tensor.numel(), salt, scale);
  std::transform(values.begin(), values.end(), tensor.mutable_data_ptr<float>(),
                 [](double value) { return static_cast<float>(value); });
  return tensor;
}

Subject small_mlp() { return subject_of("mlp", MlpConfig{.inputs = 10, .hidden = {16, 8, 12}, .outputs = 4}); }

Subject small_cnn() {
  Subject subject = subject_of("cnn", CnnConfig{.input = {20, 20, 2}, .channels = {4, 8}, .hidden = 12, .outputs = 3});
  for (int tensor = 0; tensor < subject.state.base.layout().size(); ++tensor) {
    const auto weights = subject.state.base.floats(tensor);
    const std::vector<double> values =
        hash_values(static_cast<std::int64_t>(weights.size()), static_cast<std::uint32_t>(tensor) + 1, 0.5);
    std::copy(values.begin(), values.end(), weights.begin());
  }
  return subject;
}

Subject small_resnet8() { return subject_of("resnet8", resnet8_config()); }
Subject small_resnet20() { return subject_of("resnet20", resnet20_config()); }

Subject small_llama() {
  return subject_of(
      "llama",
      DecoderConfig{.vocab = 20, .dim = 16, .head_dim = 4, .kv_heads = {2, 3}, .queries_per_kv = {2, 2}, .ffn = {12, 16}});
}

Subject llama_layers() {
  DecoderConfig config{.vocab = 20, .dim = 16, .head_dim = 4, .kv_heads = {2, 2, 2}, .queries_per_kv = {2, 2, 2}, .ffn = {12, 12, 12}};
  config.units = DecoderConfig::Units::kLayers;
  return subject_of("llama, layers", config);
}

Subject llama_query_heads() {
  DecoderConfig config{.vocab = 20, .dim = 16, .head_dim = 4, .kv_heads = {2, 2}, .queries_per_kv = {3, 3}, .ffn = {12, 12}};
  config.units = DecoderConfig::Units::kQueryHeads;
  return subject_of("llama, query heads", config);
}

std::vector<Subject> subjects() {
  std::vector<Subject> all;
  all.push_back(small_mlp());
  all.push_back(small_cnn());
  all.push_back(small_resnet8());
  all.push_back(small_resnet20());
  all.push_back(small_llama());
  all.push_back(llama_layers());
  all.push_back(llama_query_heads());
  return all;
}

Batch batch_for(const Model& model, std::int64_t samples, std::uint32_t salt) {
  const ModelConfig& config = model.config();
  const at::Tensor classes = hash_tensor({samples}, salt + 1, 1000.0F).abs().to(at::kLong);
  if (const auto* mlp = std::get_if<MlpConfig>(&config)) {
    return {Features{hash_tensor({samples, mlp->inputs}, salt, 2.0F)}, classes.remainder(mlp->outputs)};
  }
  if (const auto* llama = std::get_if<DecoderConfig>(&config)) {
    const at::Tensor ids = hash_tensor({samples, 6}, salt, 1000.0F).abs().to(at::kLong).remainder(llama->vocab);
    return {Tokens{ids}, ids.roll({-1}, {1})};
  }
  const auto images = [&](const std::vector<std::int64_t>& input, std::int64_t outputs) {
    return Batch{Images{hash_tensor({samples, input[2], input[0], input[1]}, salt, 2.0F)}, classes.remainder(outputs)};
  };
  if (const auto* cnn = std::get_if<CnnConfig>(&config)) return images(cnn->input, cnn->outputs);
  if (const auto* resnet = std::get_if<Resnet8Config>(&config)) return images(resnet->input, resnet->outputs);
  const auto& resnet = std::get<Resnet20Config>(config);
  return images(resnet.input, resnet.outputs);
}

at::Tensor logits_of(const ModelState& state, const Batch& batch) {
  Tap tap;
  return make_model(state.config)->forward(batch, state.weights(), tap, Mode::kEval);
}

Sums run_pass(const ImportanceConfig& config, const Subject& subject, const ScoreRequest& request,
              const std::vector<Batch>& batches, Mode mode) {
  const auto estimator = make_estimator(config, *subject.model, request);
  const ModelState state = subject.state.clone();
  Tap bare;
  Tap& tap = estimator->tap() == nullptr ? bare : *estimator->tap();
  for (const Batch& batch : batches) {
    if (!estimator->needs_gradient()) {
      subject.model->forward(batch, state.weights(), tap, mode);
      estimator->observe(state.base, batch.size());
      continue;
    }
    std::vector<at::Tensor> leaves;
    for (const at::Tensor& view : state.base.views()) leaves.push_back(view.clone().set_requires_grad(true));
    const at::Tensor logits = subject.model->forward(batch, {leaves, state.moments.views()}, tap, mode);
    loss_sum(LossKind::kCrossEntropy, logits, batch.targets).backward();
    for (int i = 0; i < state.base.layout().size(); ++i) {
      const at::Tensor& g = leaves[static_cast<std::size_t>(i)].grad();
      if (g.defined()) estimator->take_gradient(i, state.base.floats(i), g, batch.size());
    }
    estimator->observe(state.base, batch.size());
  }
  return estimator->finish();
}

void add_to(Sums& total, const Sums& part) {
  if (total.empty()) {
    total = part;
    return;
  }
  ASSERT_EQ(total.size(), part.size());
  for (std::size_t b = 0; b < total.size(); ++b) {
    ASSERT_EQ(total[b].size(), part[b].size());
    for (std::size_t i = 0; i < total[b].size(); ++i) total[b][i] += part[b][i];
  }
}

UnitScores unit_scores(const ImportanceConfig& config, const Subject& subject, const ScoreRequest& request,
                       const Sums& sums) {
  return decode_unit_scores(config, *subject.model, subject.state.base, request, sums);
}

void expect_near(std::span<const double> found, const std::vector<double>& expected, double tolerance,
                 const std::string& what) {
  ASSERT_EQ(found.size(), expected.size()) << what;
  double largest = 0.0;
  for (const double value : expected) largest = std::max(largest, std::abs(value));
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(found[i], expected[i], tolerance * largest) << what << " [" << i << "]";
  }
}

}  // namespace coppice::test
