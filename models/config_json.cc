#include "models/config_json.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <nlohmann/json.hpp>

#include "core/config_reader.h"
#include "core/error.h"
#include "core/strict_json.h"
#include "models/graph/program_json.h"

namespace coppice {
namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

// The config as the visitors see it: a variant that stands at this key.
constexpr const char* kKey = "coppice";

// A model's config is flat: scalars, lists and names.
class JsonWriter : public FieldVisitor {
 public:
  explicit JsonWriter(OrderedJson& object) : object_(object) {}

  using FieldVisitor::choice;
  void field(const char* key, bool& value, const char*) override { object_[key] = value; }
  void field(const char* key, std::int64_t& value, const char*, Range) override { object_[key] = value; }
  void field(const char* key, double& value, const char*, Range) override { object_[key] = value; }
  void field(const char* key, std::string& value, const char*) override { object_[key] = value; }
  void field(const char* key, std::vector<double>& value, const char*, Range) override { object_[key] = value; }
  void field(const char* key, std::vector<std::int64_t>& value, const char*, Range) override { object_[key] = value; }
  void field(const char* key, std::vector<std::string>& value, const char*) override { object_[key] = value; }
  void choice(const char* key, std::size_t& index, const std::vector<std::string>& names, const char*) override {
    object_[key] = names.at(index);
  }

 protected:
  void one_of(const char*, std::size_t held, const std::vector<Alternative>& alternatives, const char*) override {
    object_["kind"] = alternatives[held].name;
    alternatives[held].visit(*this);
  }
  void nested(const char* key, const Visit&, const char*) override { refuse(key); }
  void optional_nested(const char* key, bool, const std::function<void(bool)>&, const Visit&, const char*) override {
    refuse(key);
  }
  void list_of(const char* key, std::size_t, const std::function<void(std::size_t)>&,
               const std::function<std::vector<Alternative>(std::size_t)>&,
               const std::function<std::size_t(std::size_t)>&, const char*) override {
    refuse(key);
  }

 private:
  [[noreturn]] static void refuse(const char* key) {
    throw Error("model config field '" + std::string(key) + "' is nested");
  }

  OrderedJson& object_;
};

OrderedJson fields_of(const ModelConfig& config) {
  ModelConfig copy = config;
  OrderedJson object = OrderedJson::object();
  JsonWriter(object).variant(kKey, copy, "");
  // Stands where there are boosters alone: folders of before they were known are as they were.
  const auto* decoder = std::get_if<DecoderConfig>(&config);
  if (decoder != nullptr && decoder->booster == 0) object.erase("booster");
  return object;
}

// A decoder's units are a run's choice and no setting of the model, hence not visited: they stand behind the fields, where they are
// not what every decoder starts with.
constexpr const char* kUnits = "units";
const std::vector<std::string> kUnitNames = {"kv_group", "query_head", "layer"};

// Takes the units out of a decoder's object.
DecoderConfig::Units take_units(Json& object, const std::string& where) {
  const auto found = object.find(kUnits);
  if (found == object.end() || object.value("kind", "") != DecoderConfig::kName) return {};
  const auto name = std::find(kUnitNames.begin(), kUnitNames.end(), found->is_string() ? found->get<std::string>() : "");
  if (name == kUnitNames.end()) {
    throw InputError(where + ": " + kKey + "." + kUnits + ": " + unknown_name("unit", found->dump(), kUnitNames));
  }
  object.erase(found);
  return static_cast<DecoderConfig::Units>(name - kUnitNames.begin());
}

ConfigNode node_of(const Json& value, const std::string& key, const std::shared_ptr<const std::string>& source) {
  ConfigNode node;
  node.key = key;
  node.source = source;
  if (value.is_structured()) {
    node.kind = value.is_object() ? ConfigNode::Kind::kMap : ConfigNode::Kind::kList;
    for (const auto& item : value.items()) {
      node.children.push_back(node_of(item.value(), value.is_object() ? item.key() : "", source));
    }
  } else if (!value.is_null()) {
    node.kind = ConfigNode::Kind::kScalar;
    node.plain = !value.is_string();
    node.text = value.is_string() ? value.get<std::string>() : value.dump();
  }
  return node;
}

// A graph stands in the place of the path that it was read from.
constexpr const char* kGraph = "graph";

std::shared_ptr<const graph::Program> take_graph(Json& object, const std::string& where) {
  if (!object.is_object() || object.value("kind", Json()) != GraphConfig::kName) return nullptr;
  const auto found = object.find(kGraph);
  if (found == object.end()) throw InputError(where + ": " + kKey + "." + kGraph + ": the key is missing");
  auto program = std::make_shared<const graph::Program>(graph::program_from_json(found->dump(), where + ": " + kKey + "." + kGraph));
  object.erase(found);
  object["path"] = "";
  return program;
}

}  // namespace

std::string model_config_to_json(const ModelConfig& config) {
  if (const auto* graph = std::get_if<GraphConfig>(&config); graph != nullptr && graph->program != nullptr) {
    return R"({"kind":"graph","graph":)" + graph::program_to_json(*graph->program) + "}";
  }
  OrderedJson object = fields_of(config);
  const auto* decoder = std::get_if<DecoderConfig>(&config);
  if (decoder != nullptr && decoder->units != DecoderConfig::Units{}) {
    object[kUnits] = kUnitNames.at(static_cast<std::size_t>(decoder->units));
  }
  return object.dump();
}

ModelConfig model_config_from_json(std::string_view text, const std::string& where) {
  Json object = parse_strict_json(text, where);
  if (!object.is_object()) throw InputError(where + ": found " + object.type_name() + "; expected an object");
  const DecoderConfig::Units units = take_units(object, where);
  const std::shared_ptr<const graph::Program> program = take_graph(object, where);
  ConfigNode root;
  root.kind = ConfigNode::Kind::kMap;
  root.children.push_back(node_of(object, kKey, std::make_shared<const std::string>(where)));
  ModelConfig config;
  FieldReader(root, "").variant(kKey, config, "");
  // A file is the whole truth about its model: nothing is filled in.
  const OrderedJson whole = fields_of(config);
  for (const auto& item : whole.items()) {
    if (!object.contains(item.key())) throw InputError(where + ": " + kKey + "." + item.key() + ": the key is missing");
  }
  if (auto* decoder = std::get_if<DecoderConfig>(&config)) decoder->units = units;
  if (auto* graph = std::get_if<GraphConfig>(&config)) graph->program = program;
  return config;
}

}  // namespace coppice
