#include "models/graph/program_json.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/hex.h"
#include "core/strict_json.h"
#include "models/graph/operators.h"

namespace coppice::graph {
namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

constexpr std::int64_t kVersion = 1;
constexpr std::int64_t kLargestSize = std::int64_t{1} << 31;
constexpr DType kDTypes[] = {DType::kF32, DType::kF64, DType::kF16, DType::kBF16, DType::kI8,
                             DType::kU8,  DType::kI32, DType::kI64, DType::kBool};

OrderedJson json_of(const Arg& arg, const Program& program) {
  struct Writer {
    const Program& program;
    OrderedJson operator()(std::monostate) const { return nullptr; }
    OrderedJson operator()(bool value) const { return value; }
    OrderedJson operator()(std::int64_t value) const { return value; }
    OrderedJson operator()(double value) const {
      if (std::isfinite(value)) return value;
      return {{"float", value > 0 ? "inf" : "-inf"}};
    }
    OrderedJson operator()(const Text& value) const { return {{"text", value.text}}; }
    OrderedJson operator()(DType value) const { return {{"dtype", name_of(value)}}; }
    OrderedJson operator()(const Ref& value) const { return program.name(value.value); }
    OrderedJson operator()(const List& list) const {
      OrderedJson items = OrderedJson::array();
      for (const Arg& item : list) items.push_back(json_of(item, program));
      return items;
    }
  };
  return std::visit(Writer{program}, arg.held);
}

class Reader {
 public:
  Reader(const Json& json, const std::string& where) : json_(json), where_(where) {}

  Program read() {
    expect_keys(json_, {"version", "input", "params", "moments", "constants", "nodes", "output"}, where_);
    if (json_["version"] != Json(kVersion))
      refuse("version", "found " + json_["version"].dump() + "; expected " + std::to_string(kVersion));
    const Json& input = json_["input"];
    expect_keys(input, {"name", "dtype", "shape"}, where_ + ": input");
    program_.input = add(input["name"], input["shape"], "input");
    program_.input_dtype = dtype(input["dtype"], "input");
    if (program_.input_dtype != DType::kF32 && program_.input_dtype != DType::kI64) refuse("input", "expected f32 or i64");
    for (const Json& param : list("params", json_)) {
      expect_items(param, 2, "params");
      program_.params.push_back(add(param[0], param[1], "params"));
      check_static(program_.params.back(), "params");
    }
    for (const Json& moments : list("moments", json_)) {
      expect_items(moments, 3, "moments");
      const ValueId mean = add(moments[0], Json::array({moments[2]}), "moments"),
                    variance = add(moments[1], Json::array({moments[2]}), "moments");
      check_static(mean, "moments");
      program_.moments.push_back({mean, variance});
    }
    for (const Json& constant : list("constants", json_)) read_constant(constant);
    for (const Json& node : list("nodes", json_)) read_node(node);
    program_.output = known(json_["output"], "output");
    if (!program_.values[static_cast<std::size_t>(program_.output)].tensor) refuse("output", "expected a tensor");
    return std::move(program_);
  }

 private:
  [[noreturn]] void refuse(const std::string& key, const std::string& why) const { throw InputError(where_ + ": " + key + ": " + why); }

  static void expect_keys(const Json& object, std::initializer_list<const char*> keys, const std::string& where) {
    if (!object.is_object()) throw InputError(where + ": found " + object.type_name() + "; expected an object");
    for (const char* key : keys) {
      if (!object.contains(key)) throw InputError(where + ": key '" + std::string(key) + "' is missing");
    }
    for (const auto& item : object.items()) {
      const auto is_it = [&](const char* key) { return item.key() == key; };
      if (std::none_of(keys.begin(), keys.end(), is_it)) throw InputError(where + ": unknown key " + coppice::quoted(item.key()));
    }
  }
  void expect_items(const Json& items, std::size_t count, const std::string& key) const {
    if (!items.is_array() || items.size() != count) refuse(key, "expected lists of " + std::to_string(count));
  }
  const Json& list(const char* key, const Json& object) const {
    if (!object[key].is_array()) refuse(key, "expected a list");
    return object[key];
  }
  DType dtype(const Json& name, const std::string& key) const {
    for (const DType type : kDTypes) {
      if (name == name_of(type)) return type;
    }
    refuse(key, "found dtype " + name.dump().substr(0, 40));
  }

  ValueId add(const Json& name, const Json& shape, const std::string& key) {
    if (!name.is_string()) refuse(key, "expected a name");
    Value value{name.get<std::string>(), !shape.is_null(), {}};
    if (value.tensor && !shape.is_array()) refuse(key, "expected a shape");
    for (const Json& size : shape) {
      if (!size.is_number_integer() || size < kDynamic || size > kLargestSize)
        refuse(key, coppice::quoted(value.name) + ": found size " + size.dump().substr(0, 40));
      value.shape.push_back(size.get<std::int64_t>());
    }
    const auto id = static_cast<ValueId>(program_.values.size());
    if (!ids_.emplace(value.name, id).second) refuse(key, coppice::quoted(value.name) + " is made twice");
    program_.values.push_back(std::move(value));
    return id;
  }
  std::int64_t check_static(ValueId value, const std::string& key) const {
    std::int64_t numel = 1;
    for (const std::int64_t size : program_.shape(value)) {
      if (size < 0 || __builtin_mul_overflow(numel, size, &numel) || numel > (std::int64_t{1} << 40))
        refuse(key, coppice::quoted(program_.name(value)) + ": its shape is not a stored tensor's");
    }
    return numel;
  }
  ValueId known(const Json& name, const std::string& key) const {
    const auto found = name.is_string() ? ids_.find(name.get<std::string>()) : ids_.end();
    if (found == ids_.end()) refuse(key, "uses " + coppice::quoted(name.dump()) + ", which nothing has made");
    return found->second;
  }

  void read_constant(const Json& constant) {
    expect_items(constant, 4, "constants");
    Constant held{add(constant[0], constant[2], "constants"), dtype(constant[1], "constants"), {}};
    const std::int64_t numel = check_static(held.value, "constants");
    const std::string text = constant[3].is_string() ? constant[3].get<std::string>() : "";
    if (text.size() != 2 * static_cast<std::size_t>(numel) * bytes_per_element(held.dtype))
      refuse("constants", coppice::quoted(program_.name(held.value)) + ": its values are not as many as its shape asks for");
    const auto digit = [&](char c) -> unsigned {
      if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
      if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10U;
      refuse("constants", "expected hexadecimal digits");
    };
    for (std::size_t i = 0; i < text.size(); i += 2)
      held.bytes.push_back(static_cast<std::byte>(digit(text[i]) * 16U + digit(text[i + 1])));
    program_.constants.push_back(std::move(held));
  }

  void read_node(const Json& json) {
    expect_keys(json, {"op", "in", "out"}, where_ + ": nodes");
    if (!json["op"].is_string() || !json["in"].is_object()) refuse("nodes", "expected an operation and its arguments");
    Node node{json["op"].get<std::string>(), {}, {}};
    operator_of(node.op, where_);
    for (const auto& item : json["in"].items()) node.args.emplace_back(item.key(), arg(item.value(), node.op));
    for (const Json& out : list("out", json)) {
      expect_items(out, 2, node.op);
      node.outputs.push_back(add(out[0], out[1], node.op));
    }
    if (node.outputs.empty()) refuse(node.op, "makes nothing");
    program_.nodes.push_back(std::move(node));
  }

  Arg arg(const Json& json, const std::string& key) const {
    if (json.is_null()) return {};
    if (json.is_boolean()) return {json.get<bool>()};
    if (json.is_number_float()) return {json.get<double>()};
    if (json.is_number_integer() &&
        (!json.is_number_unsigned() || json.get<std::uint64_t>() <= std::uint64_t{std::numeric_limits<std::int64_t>::max()})) {
      return {json.get<std::int64_t>()};
    }
    if (json.is_string()) return {Ref{known(json, key)}};
    if (json.is_array()) {
      List items;
      for (const Json& item : json) items.push_back(arg(item, key));
      return {std::move(items)};
    }
    if (json.is_object() && json.size() == 1) {
      if (json.contains("dtype")) return {dtype(json["dtype"], key)};
      if (json.contains("text") && json["text"].is_string()) return {Text{json["text"].get<std::string>()}};
      if (json == Json{{"float", "inf"}}) return {std::numeric_limits<double>::infinity()};
      if (json == Json{{"float", "-inf"}}) return {-std::numeric_limits<double>::infinity()};
    }
    refuse(key, "found an argument " + json.dump().substr(0, 40));
  }

  const Json& json_;
  std::string where_;
  std::map<std::string, ValueId> ids_;
  Program program_;
};

}  // namespace

std::string program_to_json(const Program& program) {
  OrderedJson json;
  json["version"] = kVersion;
  json["input"] = {{"name", program.name(program.input)}, {"dtype", name_of(program.input_dtype)}, {"shape", program.shape(program.input)}};
  OrderedJson params = OrderedJson::array(), moments = params, constants = params, nodes = params;
  for (const ValueId param : program.params) params.push_back(OrderedJson::array({program.name(param), program.shape(param)}));
  for (const Moments& m : program.moments)
    moments.push_back(OrderedJson::array({program.name(m.mean), program.name(m.variance), program.shape(m.mean).at(0)}));
  for (const Constant& c : program.constants)
    constants.push_back(OrderedJson::array({program.name(c.value), name_of(c.dtype), program.shape(c.value), hex_of(c.bytes)}));
  for (const Node& node : program.nodes) {
    OrderedJson in = OrderedJson::object(), out = OrderedJson::array();
    const std::map<std::string, Arg> sorted(node.args.begin(), node.args.end());
    for (const auto& [name, arg] : sorted) in[name] = json_of(arg, program);
    for (const ValueId value : node.outputs) {
      const Value& made = program.values[static_cast<std::size_t>(value)];
      out.push_back(OrderedJson::array({made.name, made.tensor ? OrderedJson(made.shape) : OrderedJson(nullptr)}));
    }
    nodes.push_back({{"op", node.op}, {"in", std::move(in)}, {"out", std::move(out)}});
  }
  json["params"] = std::move(params);
  json["moments"] = std::move(moments);
  json["constants"] = std::move(constants);
  json["nodes"] = std::move(nodes);
  json["output"] = program.name(program.output);
  return json.dump();
}

Program program_from_json(std::string_view text, const std::string& where) {
  const Json json = parse_strict_json(text, where);
  return Reader(json, where).read();
}

}  // namespace coppice::graph
