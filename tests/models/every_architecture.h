// A small model of every architecture, random weights for it and a batch it accepts.
#pragma once

#include <memory>
#include <random>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include "models/graph/graph_model.h"
#include "models/model_ports.h"
#include "models/model_state.h"

namespace coppice {

// The networks beside tests/golden/graphs/make_goldens.py.
inline const std::vector<std::string> kGraphs = {"residual", "concat", "patches", "recurrent", "bert", "gpt2", "llama", "mobilenet"};

inline std::string graph_file(const std::string& name) { return std::string(COPPICE_GOLDEN_DIR "/graphs/") + name + ".pt2"; }

inline ModelConfig graph_config(const std::string& name) {
  GraphConfig config = std::get<GraphConfig>(read_graph_file(graph_file(name)).config);
  config.path = name;  // for the names of tests
  return config;
}

inline std::vector<ModelConfig> every_architecture() {
  MlpConfig mlp;
  mlp.inputs = 12;
  mlp.hidden = {9, 7};
  mlp.outputs = 4;
  CnnConfig cnn;
  cnn.input = {20, 16, 2};
  cnn.channels = {5, 6};
  cnn.hidden = 10;
  cnn.outputs = 3;
  Resnet8Config resnet8;
  resnet8.input = {12, 10, 3};
  resnet8.outputs = 5;
  resnet8.residual = {4, 8, 6};
  resnet8.inner = {5, 6, 7};
  Resnet20Config resnet20;
  resnet20.input = {12, 12, 3};
  resnet20.outputs = 5;
  resnet20.residual = {4, 8, 12};
  resnet20.inner = {3, 4, 5, 6, 7, 8, 9, 10, 11};
  Resnet18Config resnet18;
  resnet18.input = {12, 10, 2};
  resnet18.outputs = 3;
  resnet18.residual = {4, 6, 5, 7};
  resnet18.inner = {3, 4, 5, 6, 5, 4, 3, 6};
  Vgg11Config vgg11;
  vgg11.input = {34, 33, 2};
  vgg11.outputs = 3;
  vgg11.channels = {4, 5, 6, 4, 5, 6, 4, 5};
  DecoderConfig llama;
  llama.vocab = 17;
  llama.dim = 12;
  llama.head_dim = 4;
  llama.kv_heads = {3, 2};
  llama.queries_per_kv = {2, 2};
  llama.ffn = {10, 8};
  DecoderConfig layers = llama;  // three of a kind and one apart, with everything that a layer can have
  layers.kv_heads = {2, 1, 2, 2};
  layers.queries_per_kv = {2, 3, 2, 2};
  layers.ffn = {6, 5, 6, 6};
  layers.bias_qkv = layers.bias_out = layers.bias_ffn = layers.qk_norm = true;
  layers.units = DecoderConfig::Units::kLayers;
  DecoderConfig query_heads = llama;
  query_heads.queries_per_kv = {3, 2};
  query_heads.bias_qkv = true;
  query_heads.units = DecoderConfig::Units::kQueryHeads;
  ProdLdaConfig prodlda;
  prodlda.vocabulary = 15;
  prodlda.hidden = {9, 7};
  prodlda.topics = 4;
  prodlda.prior = 0.5;
  std::vector<ModelConfig> all = {mlp, cnn, resnet8, resnet20, resnet18, vgg11, llama, layers, query_heads, prodlda};
  for (const std::string& name : kGraphs) all.push_back(graph_config(name));
  return all;
}

// For the names of tests.
inline std::string name_of(const ModelConfig& config) {
  if (const auto* graph = std::get_if<GraphConfig>(&config)) return "graph_" + graph->path;
  const auto* decoder = std::get_if<DecoderConfig>(&config);
  if (decoder == nullptr || decoder->units == DecoderConfig::Units::kKvGroups) return family_of(config);
  return decoder->units == DecoderConfig::Units::kLayers ? "decoder_layers" : "decoder_query_heads";
}

// The families that lose units together: family f and those tied to it.
inline std::vector<std::size_t> tied_to(const PrunableStructure& structure, std::size_t f) {
  if (structure.families[f].tied.empty()) return {f};
  std::vector<std::size_t> all;
  for (std::size_t other = 0; other < structure.families.size(); ++other) {
    if (structure.families[other].tied == structure.families[f].tied) all.push_back(other);
  }
  return all;
}

inline at::Tensor random_tensor(std::vector<std::int64_t> shape, std::mt19937& random) {
  at::Tensor x = at::empty(shape, at::TensorOptions().dtype(at::kFloat));
  std::normal_distribution<float> normal;
  auto* values = static_cast<float*>(x.mutable_data_ptr());
  for (std::int64_t i = 0; i < x.numel(); ++i) values[i] = normal(random);
  return x;
}

inline at::Tensor random_integers(std::vector<std::int64_t> shape, std::int64_t below, std::mt19937& random) {
  at::Tensor x = at::empty(shape, at::TensorOptions().dtype(at::kLong));
  auto* values = static_cast<std::int64_t*>(x.mutable_data_ptr());
  for (std::int64_t i = 0; i < x.numel(); ++i)
    values[i] = static_cast<std::int64_t>(random() % static_cast<std::uint32_t>(below));
  return x;
}

inline Batch random_batch(const ModelConfig& config, std::int64_t size, std::mt19937& random) {
  const auto images = [&](const std::vector<std::int64_t>& hwc) {
    return Images{random_tensor({size, hwc[2], hwc[0], hwc[1]}, random)};
  };
  Batch batch;
  if (const auto* mlp = std::get_if<MlpConfig>(&config))
    batch.inputs = Features{random_tensor({size, mlp->inputs}, random)};
  if (const auto* topics = std::get_if<ProdLdaConfig>(&config)) {
    batch.inputs = BagOfWords{random_integers({size, topics->vocabulary}, 4, random).to(at::kFloat),
                              random_tensor({size, topics->topics}, random)};
  }
  if (const auto* cnn = std::get_if<CnnConfig>(&config)) batch.inputs = images(cnn->input);
  if (const auto* resnet = std::get_if<Resnet8Config>(&config)) batch.inputs = images(resnet->input);
  if (const auto* resnet = std::get_if<Resnet20Config>(&config)) batch.inputs = images(resnet->input);
  if (const auto* resnet = std::get_if<Resnet18Config>(&config)) batch.inputs = images(resnet->input);
  if (const auto* vgg = std::get_if<Vgg11Config>(&config)) batch.inputs = images(vgg->input);
  if (const auto* llama = std::get_if<DecoderConfig>(&config))
    batch.inputs = Tokens{random_integers({size, 6}, llama->vocab, random)};
  if (std::holds_alternative<GraphConfig>(config)) {
    const ModelPorts ports = ports_of(config);
    if (ports.input == ModelPorts::Input::kTokens) batch.inputs = Tokens{random_integers({size, 6}, ports.vocabulary, random)};
    if (ports.input == ModelPorts::Input::kImages) batch.inputs = images(ports.shape);
  }
  return batch;
}

// Initial weights, then shaken so that no gamma, beta, bias or running moment stands at its neutral value.
inline ModelState random_state(const Model& model, std::mt19937& random) {
  ModelState state = initial_state(model, Seed{random()});
  std::uniform_real_distribution<float> shake(-0.3F, 0.3F);
  for (const Arena* arena : {&state.base, &state.moments}) {
    for (int i = 0; i < arena->layout().size(); ++i) {
      for (float& value : arena->floats(i)) value += shake(random);
    }
  }
  return state;
}

}  // namespace coppice
