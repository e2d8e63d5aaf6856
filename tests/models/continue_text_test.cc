// Text token by token behind a cache: the same as one pass over all of it, and the same as transformers' greedy search.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/linear.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "models/decoder.h"
#include "models/matrix_vector.h"
#include "models/model_folder.h"
#include "models/next_token.h"
#include "tests/models/every_architecture.h"
#include "tests/models/golden_pass.h"

namespace coppice {
namespace {

using Ids = std::vector<std::int64_t>;

at::Tensor row_of(const Ids& ids) {
  const at::Tensor ids_BT = at::empty({1, static_cast<std::int64_t>(ids.size())}, at::TensorOptions().dtype(at::kLong));
  std::copy(ids.begin(), ids.end(), ids_BT.mutable_data_ptr<std::int64_t>());
  return ids_BT;
}

class EveryFamilyContinues : public testing::TestWithParam<const char*> {};

TEST_P(EveryFamilyContinues, AsTransformersDoes) {
  const at::NoGradGuard no_grad;
  const std::string folder = COPPICE_GOLDEN_DIR "/decoders/";
  const nlohmann::json golden = nlohmann::json::parse(read_text_file(folder + "continuations.json", 1 << 20))[GetParam()];
  const ModelState state = read_model_folder(folder + GetParam());
  const auto model = make_decoder(std::get<DecoderConfig>(state.config));
  TokenSampler likeliest({}, Seed{});
  KvCache cache;
  Tap tap;
  Ids next = golden["prompt"].get<Ids>(), found;
  for (const Ids expected = golden["continuation"].get<Ids>(); found.size() < expected.size();) {
    found.push_back(likeliest.draw(model->continue_text(row_of(next), cache, state.weights(), tap).select(0, 0)));
    next = {found.back()};
  }
  EXPECT_EQ(found, golden["continuation"].get<Ids>());
}

INSTANTIATE_TEST_SUITE_P(HfDecoder, EveryFamilyContinues,
                         testing::Values("llama", "llama_biased", "llama_parts", "mistral", "qwen2", "qwen3", "gpt2", "opt"));

DecoderConfig layers_that_differ() {
  DecoderConfig config;
  config.vocab = 29;
  config.dim = 24;
  config.head_dim = 8;
  config.kv_heads = {3, 1, 2};
  config.queries_per_kv = {1, 4, 2};
  config.ffn = {16, 9, 30};
  return config;
}

TEST(ContinueText, IsOnePassWhateverThePieces) {
  std::mt19937 random(5);
  for (const std::int64_t window : {0, 1, 4, 7}) {
    for (const bool gradients : {false, true}) {  // both ways through a linear layer
      const at::AutoGradMode mode(gradients);
      DecoderConfig config = layers_that_differ();
      config.window = window;
      const auto model = make_decoder(config);
      const ModelState state = initial_state(*model, Seed{9});
      const at::Tensor ids_BT = random_integers({2, 150}, config.vocab, random);
      Tap tap;
      const at::Tensor whole_BTV = model->forward({Tokens{ids_BT}, {}}, state.weights(), tap, Mode::kEval);
      KvCache cache;
      for (const std::int64_t piece : {5, 1, 1, 3, 8, 1, 120, 1, 10}) {
        const at::Tensor logits_BV = model->continue_text(ids_BT.narrow(1, cache.tokens(), piece), cache, state.weights(), tap);
        const std::string what = "window " + std::to_string(window) + ", " + std::to_string(cache.tokens()) + " tokens";
        expect_close(logits_BV, whole_BTV.select(1, cache.tokens() - 1), 1e-5, what);
      }
      EXPECT_EQ(cache.tokens(), 150);
    }
  }
}

TEST(ContinueText, RefusesMoreTokensThanPositionsAndAnotherBatch) {
  DecoderConfig config = layers_that_differ();
  config.rope_base = 0.0;
  config.positions = 10;
  config.first_position = 2;
  const auto model = make_decoder(config);
  const ModelState state = initial_state(*model, Seed{9});
  KvCache cache;
  Tap tap;
  model->continue_text(row_of({1, 2, 3, 4, 5, 6}), cache, state.weights(), tap);
  EXPECT_THROW(model->continue_text(row_of({1, 2, 3}), cache, state.weights(), tap), InputError);
  model->continue_text(row_of({1, 2}), cache, state.weights(), tap);
  EXPECT_EQ(cache.tokens(), 8);
  KvCache pair;
  model->continue_text(at::empty({2, 1}, at::kLong).zero_(), pair, state.weights(), tap);
  EXPECT_THROW(model->continue_text(row_of({1}), pair, state.weights(), tap), Error);
}

TEST(MatrixVector, IsTheProductOfEveryShape) {
  const at::NoGradGuard no_grad;
  std::mt19937 random(3);
  for (const auto& [outputs, inputs] : {std::pair<std::int64_t, std::int64_t>{1, 1}, {3, 15}, {7, 16}, {64, 100}, {700, 577}}) {
    const at::Tensor x = random_tensor({1, 1, inputs}, random), w = random_tensor({outputs, inputs}, random), b = random_tensor({outputs}, random);
    ASSERT_TRUE(is_matrix_vector(x, w));
    expect_close(matrix_vector(x, w, b), at::linear(x, w, b), 1e-5, "float");
    expect_close(matrix_vector(x, w, {}), at::linear(x, w), 1e-5, "float without bias");
    const at::Tensor low_x = x.to(at::kBFloat16), low_w = w.to(at::kBFloat16);
    expect_close(matrix_vector(low_x, low_w, {}).to(at::kFloat), at::linear(low_x.to(at::kFloat), low_w.to(at::kFloat)), 1e-2, "bfloat16");
  }
  EXPECT_FALSE(is_matrix_vector(random_tensor({2, 4}, random), random_tensor({3, 4}, random)));
  const at::AutoGradMode gradients(true);
  EXPECT_FALSE(is_matrix_vector(random_tensor({1, 4}, random), random_tensor({3, 4}, random)));
}

at::Tensor logits_of(const std::vector<float>& values) {
  const at::Tensor logits_V = at::empty({static_cast<std::int64_t>(values.size())}, at::kFloat);
  std::copy(values.begin(), values.end(), logits_V.mutable_data_ptr<float>());
  return logits_V;
}

// Shares of 20,000 draws.
std::map<std::int64_t, double> shares(const SamplingConfig& config, const std::vector<float>& logits) {
  TokenSampler sampler(config, Seed{.run = 4});
  std::map<std::int64_t, double> found;
  for (int i = 0; i < 20'000; ++i) found[sampler.draw(logits_of(logits))] += 1.0 / 20'000;
  return found;
}

TEST(TokenSampler, DrawsByTheProbabilitiesThatStay) {
  const std::vector<float> logits = {std::log(0.1F), std::log(0.4F), std::log(0.2F), std::log(0.3F)};
  constexpr double kSlack = 0.02;  // over five standard errors
  auto all = shares({.temperature = 1.0}, logits);
  for (const auto& [token, p] : std::map<std::int64_t, double>{{0, 0.1}, {1, 0.4}, {2, 0.2}, {3, 0.3}}) EXPECT_NEAR(all[token], p, kSlack);
  auto two = shares({.temperature = 1.0, .top_k = 2}, logits);
  EXPECT_EQ(two.size(), 2U);
  EXPECT_NEAR(two[1], 4.0 / 7, kSlack);
  EXPECT_EQ(shares({.temperature = 1.0, .top_p = 0.69}, logits).size(), 2U);  // 0.4 + 0.3
  EXPECT_EQ(shares({.temperature = 1.0, .top_p = 0.71}, logits).size(), 3U);
  EXPECT_EQ(shares({.temperature = 1.0, .top_p = 1e-6}, logits).size(), 1U);
  auto hot = shares({.temperature = 2.0, .top_k = 2}, logits);
  EXPECT_NEAR(hot[1], std::sqrt(0.4) / (std::sqrt(0.4) + std::sqrt(0.3)), kSlack);
}

TEST(TokenSampler, IsTheSeedsAndTheLikeliestAtZero) {
  std::mt19937 random(1);
  const at::Tensor logits_V = random_tensor({50}, random);
  const auto draws = [&](std::uint64_t seed) {
    TokenSampler sampler({.temperature = 1.0}, Seed{.run = seed});
    Ids ids;
    for (int i = 0; i < 20; ++i) ids.push_back(sampler.draw(logits_V));
    return ids;
  };
  EXPECT_EQ(draws(1), draws(1));
  EXPECT_NE(draws(1), draws(2));
  EXPECT_EQ(TokenSampler({}, Seed{}).draw(logits_of({1, 3, 3, 2})), 1);
  EXPECT_THROW(TokenSampler({}, Seed{}).draw(logits_of({1, std::nanf(""), 3})), InputError);
  EXPECT_THROW(TokenSampler({.temperature = -1.0}, Seed{}), InputError);
  EXPECT_THROW(TokenSampler({.top_k = -1}, Seed{}), InputError);
  EXPECT_THROW(TokenSampler({.top_p = 0.0}, Seed{}), InputError);
}

}  // namespace
}  // namespace coppice
