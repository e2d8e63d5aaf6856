#include "models/model_ports.h"

#include <algorithm>

#include <ATen/ops/full.h>

#include "core/error.h"
#include "models/graph/program.h"

namespace coppice {
namespace {

constexpr std::int64_t kAny = -1;

// The largest id a graph's input may have and one more: the rows of the table that reads it.
std::int64_t vocabulary_of(const graph::Program& program) {
  std::int64_t rows = 0;
  for (const graph::Node& node : program.nodes) {
    const graph::Ref *ids = graph::ref_of(node, "indices"), *table = graph::ref_of(node, "weight");
    const bool reads = node.op == "aten.embedding.default" && ids != nullptr && table != nullptr && ids->value == program.input;
    if (reads && !program.shape(table->value).empty()) rows = program.shape(table->value)[0];
  }
  return rows;
}

ModelPorts graph_ports(const graph::Program& program) {
  const std::vector<std::int64_t>&x = program.shape(program.input), &y = program.shape(program.output);
  const bool tokens = program.input_dtype == DType::kI64;
  if ((tokens && x.size() != 2) || (!tokens && x.size() != 2 && x.size() != 4)) {
    throw InputError("model graph: found an input of " + std::to_string(x.size()) +
                     " dims; expected images [B, C, H, W], features [B, F] or tokens [B, T]");
  }
  if (y.size() < 2 || y.size() > 3 || y.back() < 1) {
    throw InputError("model graph: found an output of " + std::to_string(y.size()) +
                     " dims; expected logits [B, V], or [B, T, V] of tokens, with a fixed V");
  }
  if (tokens) {
    const std::int64_t rows = vocabulary_of(program);
    return {ModelPorts::Input::kTokens, {x[1]}, rows > 0 ? rows : y.back(), y.back()};
  }
  if (x.size() == 4) return {ModelPorts::Input::kImages, {x[2], x[3], x[1]}, 0, y.back()};
  return {ModelPorts::Input::kFeatures, {x[1]}, 0, y.back()};
}

struct Ports {
  using Input = ModelPorts::Input;
  ModelPorts operator()(const MlpConfig& c) const { return {Input::kFeatures, {c.inputs}, 0, c.outputs}; }
  ModelPorts operator()(const CnnConfig& c) const { return {Input::kImages, c.input, 0, c.outputs}; }
  ModelPorts operator()(const ResnetWidths& c) const { return {Input::kImages, c.input, 0, c.outputs}; }
  ModelPorts operator()(const Vgg11Config& c) const { return {Input::kImages, c.input, 0, c.outputs}; }
  ModelPorts operator()(const DecoderConfig& c) const { return {Input::kTokens, {kAny}, c.vocab, c.vocab}; }
  ModelPorts operator()(const ProdLdaConfig& c) const { return {Input::kFeatures, {c.vocabulary}, 0, c.vocabulary, c.topics}; }
  ModelPorts operator()(const ModelFolderConfig&) const { throw Error("a model's config names a folder"); }
  ModelPorts operator()(const GraphConfig& c) const {
    if (c.program == nullptr) throw Error("a model's config names a file");
    return graph_ports(*c.program);
  }
};

}  // namespace

ModelPorts ports_of(const ModelConfig& config) { return std::visit(Ports{}, config); }

Batch made_up_batch(const ModelPorts& ports, std::int64_t count, float value) {
  std::vector<std::int64_t> shape = ports.shape;
  std::replace(shape.begin(), shape.end(), kAny, std::int64_t{1});
  switch (ports.input) {
    case ModelPorts::Input::kImages:
      return {Images{at::full({count, shape[2], shape[0], shape[1]}, value)}, {}};
    case ModelPorts::Input::kTokens:
      return {Tokens{at::full({count, shape[0]}, ports.vocabulary / 2, at::TensorOptions().dtype(at::kLong))}, {}};
    case ModelPorts::Input::kFeatures:
      break;
  }
  return {Features{at::full({count, shape[0]}, value)}, {}};
}

}  // namespace coppice
