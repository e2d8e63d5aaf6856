#include "models/model_folder.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <set>
#include <utility>

#include <ATen/ops/from_blob.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "core/strict_json.h"
#include "models/config_json.h"
#include "models/graph/pytorch_source.h"
#include "models/hf_decoder.h"
#include "models/shape_text.h"
#include "models/support.h"

namespace coppice {
namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr const char* kOurs = "coppice";
const std::string kOurTypes = "coppice-";  // model_type of what transformers has no class for
constexpr std::uint64_t kLargestConfig = 16 << 20;
constexpr std::string_view kCounter = ".num_batches_tracked";
constexpr const char* kCompanions[] = {"tokenizer.json",       "tokenizer_config.json", "special_tokens_map.json",
                                       "added_tokens.json",    "tokenizer.model",       "vocab.json",
                                       "merges.txt",           "chat_template.jinja",   "generation_config.json"};
constexpr const char* kSpecialTokens[] = {"bos_token_id", "eos_token_id", "pad_token_id"};
constexpr std::uint64_t kLargestCompanion = 256 << 20;

std::string path_in(const std::string& folder, const char* file) {
  return (std::filesystem::path(folder) / file).string();
}

const DecoderConfig* plain_decoder(const ModelConfig& config) {
  const auto* decoder = std::get_if<DecoderConfig>(&config);
  return decoder != nullptr && is_plain(*decoder) ? decoder : nullptr;
}

// A boosted decoder's family and keys, for tools that add the boosters to the weights.
OrderedJson boosted_decoder(const DecoderConfig& config) {
  DecoderConfig inner = config;
  inner.booster = 0;
  if (config.booster == 0 || !is_plain(inner)) return {};
  OrderedJson json = hf_config(inner);
  json["base_model_type"] = json["model_type"];
  return json;
}

std::string config_text(const ModelConfig& config) {
  OrderedJson json;
  if (const DecoderConfig* decoder = plain_decoder(config)) {
    json = hf_config(*decoder);
  } else {
    const bool decodes = std::holds_alternative<DecoderConfig>(config);
    if (decodes) json = boosted_decoder(std::get<DecoderConfig>(config));
    const bool graph = std::holds_alternative<GraphConfig>(config);
    const bool topics = std::holds_alternative<ProdLdaConfig>(config);
    json["architectures"] = {graph ? "Model" : decodes ? "CoppiceForCausalLM" : topics ? "CoppiceForTopics" : "CoppiceForImageClassification"};
    json["model_type"] = kOurTypes + family_of(config);
  }
  json["torch_dtype"] = "float32";
  json[kOurs] = OrderedJson::parse(model_config_to_json(config));
  return json.dump(2) + "\n";
}

// The one file, or all that the index of a model in several files names.
SafetensorsFile read_weights(const std::string& folder) {
  const std::string whole = path_in(folder, "model.safetensors"), index = path_in(folder, "model.safetensors.index.json");
  if (std::filesystem::exists(whole) || !std::filesystem::exists(index)) return read_safetensors(whole);
  const nlohmann::json json = parse_strict_json(read_text_file(index, kLargestConfig), index);
  const auto map = json.find("weight_map");
  if (map == json.end() || !map->is_object()) throw InputError(index + ": key 'weight_map' is missing or not an object");
  std::set<std::string> names;
  for (const auto& [tensor, file] : map->items()) {
    if (!file.is_string() || std::filesystem::path(file.get<std::string>()).filename() != file.get<std::string>()) {
      throw InputError(index + ": weight_map." + tensor + ": found " + file.dump() + "; expected a file of this folder");
    }
    names.insert(file.get<std::string>());
  }
  SafetensorsFile all;
  for (const std::string& name : names) {
    SafetensorsFile part = read_safetensors(path_in(folder, name.c_str()));
    for (Block& block : part.tensors) {
      if (all.find(block.name) != nullptr) throw InputError(index + ": tensor " + coppice::quoted(block.name) + " is in two files");
      all.tensors.push_back(std::move(block));
    }
  }
  return all;
}

void add_blocks(const Arena& arena, std::vector<Block>& blocks) {
  for (int i = 0; i < arena.layout().size(); ++i) {
    const auto values = std::as_bytes(arena.floats(i));
    Block block;
    block.name = arena.layout()[i].name;
    block.shape = arena.layout()[i].shape;
    block.values.assign(values.begin(), values.end());
    blocks.push_back(std::move(block));
  }
}

void check_tensors(const Model& model, const SafetensorsFile& file, const std::string& where) {
  std::vector<std::string> names;
  std::set<std::string> unused;
  for (const Block& block : file.tensors) unused.insert(block.name);
  for (const auto& layout : {model.base_layout(), model.moments_layout()}) {
    for (const ArenaEntry& entry : layout->entries()) {
      names.push_back(entry.name);
      const Block* block = file.find(entry.name);
      const std::string tensor = where + ": tensor " + coppice::quoted(entry.name);
      if (block == nullptr) throw InputError(tensor + " is missing; expected one of shape " + shape_text(entry.shape));
      if (block->shape != entry.shape) {
        throw InputError(tensor + ": found shape " + shape_text(block->shape) + "; expected " +
                         shape_text(entry.shape));
      }
      if (block->dtype != DType::kF32 && block->dtype != DType::kF16 && block->dtype != DType::kBF16) {
        throw InputError(tensor + ": found dtype " + name_of(block->dtype) + "; expected f32, f16 or bf16");
      }
      unused.erase(entry.name);
    }
  }
  for (const std::string& name : unused) {
    const bool counter =
        name.ends_with(kCounter) &&
        model.moments_layout()->find(name.substr(0, name.size() - kCounter.size()) + ".running_mean") >= 0;
    if (counter) continue;
    const std::string nearest = nearest_name(name, names);
    throw InputError(where + ": tensor " + coppice::quoted(name) + " does not belong to model '" +
                     family_of(model.config()) + "'" + (nearest.empty() ? "" : " (did you mean '" + nearest + "'?)"));
  }
}

void fill(const Arena& arena, const SafetensorsFile& file, const std::string& where) {
  for (int i = 0; i < arena.layout().size(); ++i) {
    const Block& block = *file.find(arena.layout()[i].name);
    const std::span<float> values = arena.floats(i);
    if (block.dtype == DType::kF32) {
      if (!values.empty()) std::memcpy(values.data(), block.values.data(), block.values.size());
    } else {
      auto* bytes = const_cast<std::byte*>(block.values.data());  // only read from
      arena.view(i).copy_(at::from_blob(bytes, block.shape, at::TensorOptions().dtype(scalar_type_of(block.dtype))));
    }
    if (!std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); })) {
      throw InputError(where + ": tensor " + coppice::quoted(block.name) + " holds a value that is not finite");
    }
  }
}

}  // namespace

void write_model_folder(const std::string& folder, const ModelState& state, const std::string& provenance_json) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) throw InputError(folder + ": the folder cannot be created: " + failed.message());

  SafetensorsFile file;
  file.metadata["format"] = "pt";  // what Hugging Face's loaders ask for
  add_blocks(state.base, file.tensors);
  add_blocks(state.moments, file.tensors);
  if (const DecoderConfig* decoder = plain_decoder(state.config)) file = to_hf_layout(*decoder, std::move(file));
  write_safetensors(path_in(folder, "model.safetensors"), file);
  write_file_atomically(path_in(folder, "coppice.json"), provenance_json);
  if (const auto* graph = std::get_if<GraphConfig>(&state.config)) write_file_atomically(path_in(folder, "model.py"), graph::pytorch_source(*graph->program));
  write_file_atomically(path_in(folder, "config.json"), config_text(state.config));
}

void copy_companions(const std::string& from, const std::string& to) {
  for (const char* name : kCompanions) {
    const std::string file = path_in(from, name);
    if (std::filesystem::exists(file)) write_file_atomically(path_in(to, name), read_text_file(file, kLargestCompanion));
  }
  const std::string theirs = path_in(from, "config.json"), ours = path_in(to, "config.json");
  if (!std::filesystem::exists(theirs)) return;
  const nlohmann::json source = parse_strict_json(read_text_file(theirs, kLargestConfig), theirs);
  OrderedJson config = OrderedJson::parse(read_text_file(ours, kLargestConfig));
  for (const char* key : kSpecialTokens) {
    if (source.contains(key)) config[key] = source[key];
  }
  write_file_atomically(ours, config.dump(2) + "\n");
}

ModelState read_model_folder(const std::string& folder) {
  const std::string path = path_in(folder, "config.json");
  const nlohmann::json json = parse_strict_json(read_text_file(path, kLargestConfig), path);
  if (!json.is_object()) throw InputError(path + ": found " + json.type_name() + "; expected an object");
  const std::string weights = path_in(folder, "model.safetensors");
  const auto ours = json.find(kOurs);
  const auto type = json.find("model_type");
  const bool foreign = type != json.end() && type->is_string() && !type->get<std::string>().starts_with(kOurTypes);
  if (ours == json.end() && !foreign) {
    throw InputError(path + ": key 'coppice' is missing: not a model that this program exported, nor a decoder of transformers");
  }
  const ModelConfig config = ours != json.end() ? model_config_from_json(ours->dump(), path) : decoder_from_hf(json, path);
  if (std::holds_alternative<ModelFolderConfig>(config)) {
    throw InputError(path + ": coppice.kind: found 'folder'; expected an architecture");
  }
  SafetensorsFile file = read_weights(folder);
  if (const DecoderConfig* decoder = plain_decoder(config)) file = from_hf_layout(*decoder, std::move(file), weights);
  return state_from_safetensors(config, file, weights);
}

ModelState state_from_safetensors(const ModelConfig& config, const SafetensorsFile& file, const std::string& where) {
  const std::unique_ptr<Model> model = make_model(config);
  check_tensors(*model, file, where);  // before anything of the size that the config asks for is allocated
  ModelState state{model->config(), Arena("base", model->base_layout()), Arena("moments", model->moments_layout())};
  fill(state.base, file, where);
  fill(state.moments, file, where);
  return state;
}

}  // namespace coppice
