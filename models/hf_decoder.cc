#include "models/hf_decoder.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/error.h"
#include "models/shape_text.h"

namespace coppice {
namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;
using Family = DecoderConfig::Family;
using Norm = DecoderConfig::Norm;
using Activation = DecoderConfig::Activation;

struct FamilyFacts {
  Family family;
  const char* model_type;
  const char* architecture;
};
constexpr FamilyFacts kFamilies[] = {
    {Family::kLlama, "llama", "LlamaForCausalLM"}, {Family::kMistral, "mistral", "MistralForCausalLM"},
    {Family::kQwen2, "qwen2", "Qwen2ForCausalLM"}, {Family::kQwen3, "qwen3", "Qwen3ForCausalLM"},
    {Family::kGpt2, "gpt2", "GPT2LMHeadModel"},    {Family::kOpt, "opt", "OPTForCausalLM"}};

constexpr std::pair<const char*, Activation> kActivations[] = {
    {"silu", Activation::kSilu},          {"swish", Activation::kSilu},
    {"gelu", Activation::kGelu},          {"gelu_new", Activation::kGeluTanh},
    {"gelu_pytorch_tanh", Activation::kGeluTanh}, {"relu", Activation::kRelu}};

// A config.json, read key by key.
class Reader {
 public:
  Reader(const Json& json, std::string where) : json_(json), where_(std::move(where)) {}

  bool has(const char* key) const { return json_.contains(key) && !json_[key].is_null(); }

  std::int64_t integer(const char* key) const {
    if (!has(key)) missing(key);
    if (!json_[key].is_number_integer()) refuse(key, "an integer");
    return json_[key].get<std::int64_t>();
  }
  std::int64_t integer(const char* key, std::int64_t otherwise) const { return has(key) ? integer(key) : otherwise; }

  double number(const char* key, double otherwise) const {
    if (!has(key)) return otherwise;
    if (!json_[key].is_number()) refuse(key, "a number");
    return json_[key].get<double>();
  }
  bool boolean(const char* key, bool otherwise) const {
    if (!has(key)) return otherwise;
    if (!json_[key].is_boolean()) refuse(key, "true or false");
    return json_[key].get<bool>();
  }
  std::string text(const char* key, const char* otherwise) const {
    if (!has(key)) return otherwise;
    if (!json_[key].is_string()) refuse(key, "a name");
    return json_[key].get<std::string>();
  }
  Reader object(const char* key) const {
    if (!json_[key].is_object()) refuse(key, "an object");
    return {json_[key], where_ + ": " + key};
  }

  [[noreturn]] void refuse(const char* key, const std::string& expected) const {
    throw InputError(where_ + ": " + key + ": found " + json_[key].dump().substr(0, 60) + "; expected " + expected);
  }

 private:
  [[noreturn]] void missing(const char* key) const { throw InputError(where_ + ": key '" + key + "' is missing"); }

  const Json& json_;
  std::string where_;
};

Activation activation_of(const Reader& reader, const char* key, const char* otherwise) {
  const std::string name = reader.text(key, otherwise);
  for (const auto& [known, activation] : kActivations) {
    if (name == known) return activation;
  }
  reader.refuse(key, "silu, gelu, gelu_new, gelu_pytorch_tanh or relu");
}

const char* name_of(Activation activation, Family family) {
  if (activation == Activation::kGeluTanh) return family == Family::kGpt2 ? "gelu_new" : "gelu_pytorch_tanh";
  return std::find_if(std::begin(kActivations), std::end(kActivations), [=](const auto& a) { return a.second == activation; })->first;
}

// Number of layers, checked so that vectors of that size are harmless.
std::size_t layers_of(const Reader& reader, const char* key) {
  const std::int64_t layers = reader.integer(key);
  if (layers < 1 || layers > 4096) reader.refuse(key, "1 to 4096 layers");
  return static_cast<std::size_t>(layers);
}

std::int64_t quotient(const Reader& reader, const char* key, std::int64_t whole, std::int64_t parts, const char* of_what) {
  if (parts < 1 || whole % parts != 0) reader.refuse(key, std::string("a divisor of ") + of_what + " (" + std::to_string(whole) + ")");
  return whole / parts;
}

// transformers 5 keeps the rotary settings together, earlier ones side by side.
double rope_base_of(const Reader& reader) {
  if (reader.has("rope_scaling")) {
    const Reader scaling = reader.object("rope_scaling");
    if (scaling.text("rope_type", "default") != "default" || scaling.has("factor")) reader.refuse("rope_scaling", "null: unscaled frequencies");
  }
  if (!reader.has("rope_parameters")) return reader.number("rope_theta", 10000.0);
  const Reader parameters = reader.object("rope_parameters");
  if (parameters.text("rope_type", "default") != "default") reader.refuse("rope_parameters", "rope_type default: unscaled frequencies");
  return parameters.number("rope_theta", 10000.0);
}

std::int64_t window_of(const Reader& reader, Family family) {
  const bool qwen = family == Family::kQwen2 || family == Family::kQwen3;
  if (qwen && !reader.boolean("use_sliding_window", false)) return 0;
  const std::int64_t window = reader.integer("sliding_window", 0);
  if (window > 0 && qwen && reader.integer("max_window_layers", 0) > 0) {
    reader.refuse("max_window_layers", "0: the same window in every layer");
  }
  return window;
}

DecoderConfig llama_like(const Reader& reader, Family family) {
  DecoderConfig config;
  config.family = family;
  const std::size_t layers = layers_of(reader, "num_hidden_layers");
  const std::int64_t heads = reader.integer("num_attention_heads"), kv_heads = reader.integer("num_key_value_heads", heads);
  config.vocab = reader.integer("vocab_size");
  config.dim = reader.integer("hidden_size");
  config.head_dim = reader.has("head_dim") ? reader.integer("head_dim")
                                           : quotient(reader, "num_attention_heads", config.dim, heads, "hidden_size");
  config.kv_heads.assign(layers, kv_heads);
  config.queries_per_kv.assign(layers, quotient(reader, reader.has("num_key_value_heads") ? "num_key_value_heads" : "num_attention_heads",
                                                heads, kv_heads, "num_attention_heads"));
  config.ffn.assign(layers, reader.integer("intermediate_size"));
  config.norm_eps = reader.number("rms_norm_eps", 1e-6);
  config.activation = activation_of(reader, "hidden_act", "silu");
  const bool biased = reader.boolean("attention_bias", false);
  config.bias_qkv = family == Family::kQwen2 || biased;
  config.bias_out = family != Family::kQwen2 && biased;
  config.bias_ffn = reader.boolean("mlp_bias", false);
  config.qk_norm = family == Family::kQwen3;
  config.rope_base = rope_base_of(reader);
  config.window = family == Family::kLlama ? 0 : window_of(reader, family);
  config.longest = reader.integer("max_position_embeddings", 2048);
  config.tied = reader.boolean("tie_word_embeddings", false);
  return config;
}

// Heads that make up the residual stream and share nothing, in every layer.
void read_own_heads(const Reader& reader, const char* dim, const char* heads, std::size_t layers, DecoderConfig& config) {
  config.dim = reader.integer(dim);
  config.kv_heads.assign(layers, reader.integer(heads));
  config.queries_per_kv.assign(layers, 1);
  config.head_dim = quotient(reader, heads, config.dim, config.kv_heads.front(), dim);
}

DecoderConfig without_rotation(Family family) {
  DecoderConfig config;
  config.family = family;
  config.norm = Norm::kLayer;
  config.gated = false;
  config.bias_qkv = config.bias_out = config.bias_ffn = true;
  config.rope_base = 0.0;
  return config;
}

DecoderConfig gpt2(const Reader& reader) {
  DecoderConfig config = without_rotation(Family::kGpt2);
  const std::size_t layers = layers_of(reader, "n_layer");
  config.vocab = reader.integer("vocab_size");
  read_own_heads(reader, "n_embd", "n_head", layers, config);
  config.ffn.assign(layers, reader.integer("n_inner", 4 * config.dim));
  config.norm_eps = reader.number("layer_norm_epsilon", 1e-5);
  config.activation = activation_of(reader, "activation_function", "gelu_new");
  config.positions = config.longest = reader.integer("n_positions");
  config.tied = reader.boolean("tie_word_embeddings", true);
  if (!reader.boolean("scale_attn_weights", true)) reader.refuse("scale_attn_weights", "true");
  if (reader.boolean("scale_attn_by_inverse_layer_idx", false)) reader.refuse("scale_attn_by_inverse_layer_idx", "false");
  return config;
}

constexpr std::int64_t kOptFirstPosition = 2;

DecoderConfig opt(const Reader& reader) {
  DecoderConfig config = without_rotation(Family::kOpt);
  const std::size_t layers = layers_of(reader, "num_hidden_layers");
  config.vocab = reader.integer("vocab_size");
  read_own_heads(reader, "hidden_size", "num_attention_heads", layers, config);
  config.ffn.assign(layers, reader.integer("ffn_dim"));
  config.activation = activation_of(reader, "activation_function", "relu");
  config.bias_qkv = config.bias_out = config.bias_ffn = reader.boolean("enable_bias", true);
  config.longest = reader.integer("max_position_embeddings");
  config.first_position = kOptFirstPosition;
  config.positions = config.longest + kOptFirstPosition;
  config.tied = reader.boolean("tie_word_embeddings", true);
  if (!reader.boolean("do_layer_norm_before", true)) reader.refuse("do_layer_norm_before", "true: norms before the sum");
  if (reader.boolean("_remove_final_layer_norm", false)) reader.refuse("_remove_final_layer_norm", "false");
  if (!reader.boolean("layer_norm_elementwise_affine", true)) reader.refuse("layer_norm_elementwise_affine", "true");
  if (reader.integer("word_embed_proj_dim", config.dim) != config.dim) {
    reader.refuse("word_embed_proj_dim", "hidden_size (" + std::to_string(config.dim) + ")");
  }
  return config;
}

bool alike(const std::vector<std::int64_t>& widths) {
  return !widths.empty() && widths == std::vector<std::int64_t>(widths.size(), widths.front());
}

// How a family's files say what ours do: the part before a layer's number, and the words that differ.
struct Names {
  std::string prefix;  // of everything; some files leave it out
  std::string layers;  // before the number of a layer
  std::vector<std::pair<std::string, std::string>> outside;  // theirs, ours
  std::vector<std::pair<std::string, std::string>> inside;   // behind the number
};

const Names kOptNames = {"model.decoder.",
                         "layers.",
                         {{"embed_tokens.", "model.embed_tokens."},
                          {"embed_positions.", "model.embed_positions."},
                          {"final_layer_norm.", "model.norm."}},
                         {{"self_attn.out_proj.", "self_attn.o_proj."},
                          {"self_attn.", "self_attn."},
                          {"self_attn_layer_norm.", "input_layernorm."},
                          {"fc1.", "mlp.up_proj."},
                          {"fc2.", "mlp.down_proj."},
                          {"final_layer_norm.", "post_attention_layernorm."}}};
const Names kGpt2Names = {"transformer.",
                          "h.",
                          {{"wte.", "model.embed_tokens."}, {"wpe.", "model.embed_positions."}, {"ln_f.", "model.norm."}},
                          {{"attn.c_attn.", "self_attn.qkv_proj."},
                           {"attn.c_proj.", "self_attn.o_proj."},
                           {"ln_1.", "input_layernorm."},
                           {"ln_2.", "post_attention_layernorm."},
                           {"mlp.c_fc.", "mlp.up_proj."},
                           {"mlp.c_proj.", "mlp.down_proj."}}};
constexpr const char* kOurLayers = "model.layers.";

// `name` with the first of the words that begins it replaced; empty where none does.
std::string translated(std::string_view name, const std::vector<std::pair<std::string, std::string>>& words, bool to_ours) {
  for (const auto& [theirs, ours] : words) {
    const std::string& from = to_ours ? theirs : ours;
    if (name.starts_with(from)) return (to_ours ? ours : theirs) + std::string(name.substr(from.size()));
  }
  return "";
}

// "12.rest" -> length of "12."; 0 where there is no number.
std::size_t number_length(std::string_view text) {
  const std::size_t dot = text.find_first_not_of("0123456789");
  return dot == 0 || dot == std::string_view::npos || text[dot] != '.' ? 0 : dot + 1;
}

std::string our_name(const Names& names, const std::string& theirs) {
  std::string_view rest = theirs;
  if (rest.starts_with(names.prefix)) rest.remove_prefix(names.prefix.size());
  if (rest.starts_with(names.layers)) {
    const std::string_view numbered = rest.substr(names.layers.size());
    const std::size_t number = number_length(numbered);
    const std::string inside = number > 0 ? translated(numbered.substr(number), names.inside, true) : "";
    if (!inside.empty()) return kOurLayers + std::string(numbered.substr(0, number)) + inside;
  }
  const std::string outside = translated(rest, names.outside, true);
  return outside.empty() ? theirs : outside;
}

std::string their_name(const Names& names, const std::string& ours) {
  if (ours.starts_with(kOurLayers)) {
    const std::string_view numbered = std::string_view(ours).substr(std::strlen(kOurLayers));
    const std::size_t number = number_length(numbered);
    return names.prefix + names.layers + std::string(numbered.substr(0, number)) +
           translated(numbered.substr(number), names.inside, false);
  }
  const std::string outside = translated(ours, names.outside, false);
  return outside.empty() ? ours : names.prefix + outside;
}

Block transposed(const Block& block) {
  Block out = block;
  const std::int64_t rows = block.shape[0], cols = block.shape[1];
  const std::size_t width = bytes_per_element(block.dtype);
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < cols; ++c) {
      std::memcpy(out.values.data() + static_cast<std::size_t>(c * rows + r) * width,
                  block.values.data() + static_cast<std::size_t>(r * cols + c) * width, width);
    }
  }
  out.shape = {cols, rows};
  return out;
}

// Whether a matrix of this name (ours) stands as [in, out] in GPT-2's files: all within the layers.
bool is_turned(const std::string& name, const Block& block) { return name.starts_with(kOurLayers) && block.shape.size() == 2; }

constexpr std::string_view kFused = ".qkv_proj.";
constexpr const char* kParts[] = {".q_proj.", ".k_proj.", ".v_proj."};

std::string part_name(const std::string& fused, const char* part) {
  const std::size_t at = fused.find(kFused);
  return fused.substr(0, at) + part + fused.substr(at + kFused.size());
}

bool is_buffer(const DecoderConfig& config, const std::string& name) {
  return name.ends_with(".rotary_emb.inv_freq") || (config.tied && name == "lm_head.weight") ||
         (config.family == Family::kGpt2 && (name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias")));
}

}  // namespace

DecoderConfig decoder_from_hf(const Json& json, const std::string& where) {
  const Reader reader(json, where);
  const std::string type = reader.text("model_type", "");
  std::vector<std::string> known;
  for (const FamilyFacts& facts : kFamilies) {
    known.emplace_back(facts.model_type);
    if (type != facts.model_type) continue;
    if (facts.family == Family::kGpt2) return gpt2(reader);
    if (facts.family == Family::kOpt) return opt(reader);
    return llama_like(reader, facts.family);
  }
  throw InputError(where + ": model_type: " + unknown_name("architecture", type, known));
}

bool is_plain(const DecoderConfig& c) {
  if (c.booster > 0 || !alike(c.kv_heads) || !alike(c.queries_per_kv) || !alike(c.ffn)) return false;
  const bool fills = c.kv_heads.front() * c.queries_per_kv.front() * c.head_dim == c.dim;
  DecoderConfig expected = c;
  if (c.family == Family::kGpt2 || c.family == Family::kOpt) {
    expected = without_rotation(c.family);
    if (!fills || c.queries_per_kv.front() != 1) return false;
    expected.first_position = c.family == Family::kOpt ? kOptFirstPosition : 0;
    if (c.positions != c.longest + expected.first_position || (c.family == Family::kOpt && c.norm_eps != 1e-5)) return false;
    if (c.family == Family::kOpt && c.bias_qkv == c.bias_out && c.bias_out == c.bias_ffn) {
      expected.bias_qkv = expected.bias_out = expected.bias_ffn = c.bias_ffn;
    }
    return c.norm == expected.norm && c.gated == expected.gated && c.bias_qkv == expected.bias_qkv && !c.qk_norm &&
           c.bias_out == expected.bias_out && c.bias_ffn == expected.bias_ffn && c.rope_base == 0.0 && c.window == 0 &&
           c.first_position == expected.first_position;
  }
  const bool biases = c.family == Family::kQwen2 ? c.bias_qkv && !c.bias_out : c.bias_qkv == c.bias_out;
  const bool no_bias = c.family == Family::kMistral && (c.bias_qkv || c.bias_out);
  // Its class wants heads that divide the width, whatever their size.
  if (c.family == Family::kLlama && c.dim % (c.kv_heads.front() * c.queries_per_kv.front()) != 0) return false;
  return c.norm == Norm::kRms && c.gated && biases && !no_bias && (c.family == Family::kLlama || !c.bias_ffn) &&
         c.qk_norm == (c.family == Family::kQwen3) && c.rope_base > 0.0 && c.positions == 0 && c.first_position == 0 &&
         (c.window == 0 || c.family != Family::kLlama);
}

OrderedJson hf_config(const DecoderConfig& c) {
  const FamilyFacts& facts = *std::find_if(std::begin(kFamilies), std::end(kFamilies), [&](const auto& f) { return f.family == c.family; });
  const std::int64_t layers = static_cast<std::int64_t>(c.kv_heads.size()), kv_heads = c.kv_heads.front();
  const std::int64_t heads = kv_heads * c.queries_per_kv.front();
  OrderedJson json{{"architectures", {facts.architecture}}, {"model_type", facts.model_type}, {"vocab_size", c.vocab}};
  json["tie_word_embeddings"] = c.tied;
  if (c.family == Family::kGpt2) {
    json.update(OrderedJson{{"n_embd", c.dim}, {"n_layer", layers}, {"n_head", heads}, {"n_inner", c.ffn.front()},
                            {"n_positions", c.positions}, {"n_ctx", c.positions}, {"layer_norm_epsilon", c.norm_eps},
                            {"activation_function", name_of(c.activation, c.family)}});
    return json;
  }
  json.update(OrderedJson{{"hidden_size", c.dim}, {"num_hidden_layers", layers}, {"num_attention_heads", heads},
                          {"max_position_embeddings", c.longest}});
  if (c.family == Family::kOpt) {
    json.update(OrderedJson{{"ffn_dim", c.ffn.front()}, {"activation_function", name_of(c.activation, c.family)},
                            {"do_layer_norm_before", true}, {"word_embed_proj_dim", c.dim}, {"enable_bias", c.bias_ffn}});
    return json;
  }
  json.update(OrderedJson{{"intermediate_size", c.ffn.front()}, {"num_key_value_heads", kv_heads}, {"head_dim", c.head_dim},
                          {"hidden_act", name_of(c.activation, c.family)}, {"rms_norm_eps", c.norm_eps}, {"rope_theta", c.rope_base}});
  if (c.family == Family::kLlama || c.family == Family::kQwen3) json["attention_bias"] = c.bias_qkv;
  if (c.family == Family::kLlama) json["mlp_bias"] = c.bias_ffn;
  if (c.family != Family::kLlama) json["sliding_window"] = c.window > 0 ? OrderedJson(c.window) : OrderedJson();
  if (c.family == Family::kQwen2 || c.family == Family::kQwen3) {
    json["use_sliding_window"] = c.window > 0;
    json["max_window_layers"] = 0;
  }
  return json;
}

SafetensorsFile from_hf_layout(const DecoderConfig& config, SafetensorsFile file, const std::string& where) {
  const bool gpt2 = config.family == Family::kGpt2;
  SafetensorsFile out;
  out.metadata = std::move(file.metadata);
  for (Block& block : file.tensors) {
    if (is_buffer(config, block.name)) continue;
    if (gpt2 || config.family == Family::kOpt) block.name = our_name(gpt2 ? kGpt2Names : kOptNames, block.name);
    if (gpt2 && is_turned(block.name, block)) block = transposed(block);
    if (block.name.find(kFused) == std::string::npos) {
      out.tensors.push_back(std::move(block));
      continue;
    }
    if (block.shape.empty() || block.shape[0] % 3 != 0) {
      throw InputError(where + ": tensor " + coppice::quoted(block.name) + ": found shape " + shape_text(block.shape) +
                       "; expected queries, keys and values of the same size");
    }
    const std::size_t bytes = block.values.size() / 3;
    for (std::size_t p = 0; p < 3; ++p) {
      Block part = block;
      part.name = part_name(block.name, kParts[p]);
      part.shape[0] /= 3;
      part.values.assign(block.values.begin() + static_cast<std::ptrdiff_t>(p * bytes),
                         block.values.begin() + static_cast<std::ptrdiff_t>((p + 1) * bytes));
      out.tensors.push_back(std::move(part));
    }
  }
  return out;
}

SafetensorsFile to_hf_layout(const DecoderConfig& config, SafetensorsFile file) {
  const bool gpt2 = config.family == Family::kGpt2;
  if (!gpt2 && config.family != Family::kOpt) return file;
  SafetensorsFile out;
  out.metadata = std::move(file.metadata);
  for (Block& block : file.tensors) {
    if (gpt2) {
      const auto part = std::find_if(std::begin(kParts), std::end(kParts),
                                     [&](const char* name) { return block.name.find(name) != std::string::npos; });
      if (part != std::end(kParts)) {
        if (part != std::begin(kParts)) continue;  // goes with the queries
        const std::size_t at = block.name.find(*part);
        const std::string fused = block.name.substr(0, at) + std::string(kFused) + block.name.substr(at + std::strlen(*part));
        for (std::size_t p = 1; p < 3; ++p) {
          const Block& other = *file.find(part_name(fused, kParts[p]));
          block.values.insert(block.values.end(), other.values.begin(), other.values.end());
        }
        block.shape[0] *= 3;
        block.name = fused;
      }
      if (is_turned(block.name, block)) block = transposed(block);
    }
    block.name = their_name(gpt2 ? kGpt2Names : kOptNames, block.name);
    out.tensors.push_back(std::move(block));
  }
  return out;
}

}  // namespace coppice
