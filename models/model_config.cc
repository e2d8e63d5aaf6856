#include "models/model_config.h"

#include "models/graph/program_json.h"

namespace coppice {
namespace {

constexpr double kWidest = 1 << 20;  // so that no product of sizes comes near 2^63

void visit_widths(ResnetWidths& widths, FieldVisitor& v) {
  v.field("input", widths.input, "height, width and channels of an image", within(1, kWidest));
  v.field("outputs", widths.outputs, "classes or targets", within(1, kWidest));
  v.field("residual", widths.residual, "channels of each stage's residual stream", within(1, kWidest));
  v.field("inner", widths.inner, "channels between the two convolutions of each block", within(1, kWidest));
}

}  // namespace

void MlpConfig::visit(FieldVisitor& v) {
  v.field("inputs", inputs, "features of a sample (an image is flattened as C, H, W)", within(1, kWidest));
  v.field("hidden", hidden, "width of each hidden layer", within(1, kWidest));
  v.field("outputs", outputs, "classes or targets", within(1, kWidest));
}

void CnnConfig::visit(FieldVisitor& v) {
  v.field("input", input, "height, width and channels of an image", within(1, kWidest));
  v.field("channels", channels, "channels of the two convolutions", within(1, kWidest));
  v.field("hidden", hidden, "width of the hidden linear layer", within(1, kWidest));
  v.field("outputs", outputs, "classes or targets", within(1, kWidest));
}

Resnet8Config::Resnet8Config() {
  residual = {16, 32, 64};
  inner = {16, 32, 64};
}

void Resnet8Config::visit(FieldVisitor& v) { visit_widths(*this, v); }

Resnet20Config::Resnet20Config() {
  input = {32, 32, 3};
  residual = {16, 32, 64};
  inner = {16, 16, 16, 32, 32, 32, 64, 64, 64};
}

void Resnet20Config::visit(FieldVisitor& v) {
  visit_widths(*this, v);
  const char* help = "for each channel of the stage, the channel of the stage before that it continues, or -1; "
                     "empty: all of them, with new channels split evenly before and after";
  v.field("sources1", sources1, help, within(-1, kWidest));
  v.field("sources2", sources2, help, within(-1, kWidest));
}

Resnet18Config::Resnet18Config() {
  input = {32, 32, 3};
  residual = {64, 128, 256, 512};
  inner = {64, 64, 128, 128, 256, 256, 512, 512};
}

void Resnet18Config::visit(FieldVisitor& v) { visit_widths(*this, v); }

void Vgg11Config::visit(FieldVisitor& v) {
  v.field("input", input, "height, width and channels of an image", within(1, kWidest));
  v.field("channels", channels, "channels of the eight convolutions", within(1, kWidest));
  v.field("outputs", outputs, "classes or targets", within(1, kWidest));
}

void DecoderConfig::visit(FieldVisitor& v) {
  v.choice("family", family, {"llama", "mistral", "qwen2", "qwen3", "gpt2", "opt"}, "whose files it goes to and comes from");
  v.field("vocab", vocab, "tokens", within(1, kWidest));
  v.field("dim", dim, "width of the residual stream", within(1, kWidest));
  v.field("head_dim", head_dim, "width of a head; even where it is rotated", within(1, kWidest));
  v.field("kv_heads", kv_heads, "key and value heads of each layer", within(1, kWidest));
  v.field("queries_per_kv", queries_per_kv, "query heads that share one key and value head, of each layer", within(1, kWidest));
  v.field("ffn", ffn, "neurons of each layer's feed-forward network", within(1, kWidest));
  v.choice("norm", norm, {"rms", "layer"}, "normalisation of the residual stream");
  v.field("norm_eps", norm_eps, "added to the mean square or variance", above(0.0));
  v.field("qk_norm", qk_norm, "RMSNorm of every query and key head before the rotation");
  v.choice("activation", activation, {"silu", "gelu", "gelu-tanh", "relu"}, "of the feed-forward network");
  v.field("gated", gated, "activation(gate x) * up x, else activation(up x)");
  v.field("bias_qkv", bias_qkv, "biases of queries, keys and values");
  v.field("bias_out", bias_out, "bias of the attention's output");
  v.field("bias_ffn", bias_ffn, "biases of the feed-forward network");
  v.field("booster", booster, "inputs that share a number of the booster beside each matrix; 0 = no boosters", within(0, kWidest));
  v.field("rope_base", rope_base, "base of the rotary frequencies; 0 = no rotation", at_least(0.0));
  v.field("positions", positions, "rows of a learned table of positions; 0 = none", within(0, kWidest));
  v.field("first_position", first_position, "row of the first token in that table", within(0, kWidest));
  v.field("window", window, "tokens a token sees, itself among them; 0 = all before it", at_least(0));
  v.field("longest", longest, "tokens the model was made for", within(1, 1LL << 31));
  v.field("tied", tied, "the head is the embedding");
}

void ProdLdaConfig::visit(FieldVisitor& v) {
  v.field("vocabulary", vocabulary, "words", within(1, kWidest));
  v.field("hidden", hidden, "width of each hidden layer of the encoder", within(1, kWidest));
  v.field("topics", topics, "topics", within(2, kWidest));
  v.field("prior", prior, "alpha of the symmetric Dirichlet prior of a document's topics; smaller = fewer topics a document", above(0.0));
}

void ModelFolderConfig::visit(FieldVisitor& v) {
  v.field("path", path, "folder with config.json and model.safetensors");
}

void GraphConfig::visit(FieldVisitor& v) {
  v.field("path", path, "a .pt2 file: what torch.export.save wrote (tools/import_model.py)");
}

bool GraphConfig::operator==(const GraphConfig& other) const {
  if (program == nullptr || other.program == nullptr) return program == other.program && path == other.path;
  return program == other.program || graph::program_to_json(*program) == graph::program_to_json(*other.program);
}

std::string family_of(const ModelConfig& config) {
  return kind_of(config);
}

}  // namespace coppice
