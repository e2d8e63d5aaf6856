#include "models/graph/exported_program.h"

#include <algorithm>
#include <array>
#include <limits>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/strict_json.h"

namespace coppice::graph {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kSchemaMajor = 8, kSchemaMinor = 20;  // of PyTorch 2.15
constexpr const char* kModel = "models/model.json";
constexpr std::int64_t kMostElements = std::int64_t{1} << 40;
// Arguments that say where and how a tensor lies, which here is never asked.
constexpr auto kPlacement = std::to_array<std::string_view>({"as_device", "as_layout", "as_memory_format"});

[[noreturn]] void refuse(const std::string& where, const std::string& why) { throw InputError(where + ": " + why); }

const Json& member(const Json& object, const char* key, const std::string& where) {
  if (!object.is_object()) refuse(where, std::string("found ") + object.type_name() + "; expected an object");
  const auto found = object.find(key);
  if (found == object.end()) refuse(where, std::string("key '") + key + "' is missing");
  return *found;
}

const Json& array(const Json& object, const char* key, const std::string& where) {
  const Json& value = member(object, key, where);
  if (!value.is_array()) refuse(where + "." + key, std::string("found ") + value.type_name() + "; expected a list");
  return value;
}

std::string text(const Json& value, const std::string& where) {
  if (!value.is_string()) refuse(where, std::string("found ") + value.type_name() + "; expected a name");
  return value.get<std::string>();
}

std::int64_t integer(const Json& value, const std::string& where) {
  if (!value.is_number_integer() ||
      (value.is_number_unsigned() && value.get<std::uint64_t>() > std::uint64_t{std::numeric_limits<std::int64_t>::max()})) {
    refuse(where, "found " + value.dump().substr(0, 40) + "; expected a whole number");
  }
  return value.get<std::int64_t>();
}

// Torch writes what may be one of several things as an object with one key.
std::pair<std::string, const Json*> only(const Json& value, const std::string& where) {
  if (!value.is_object() || value.size() != 1) refuse(where, "expected an object with one key");
  return {value.begin().key(), &*value.begin()};
}

DType dtype_of(const Json& code, const std::string& where) {
  switch (integer(code, where)) {
    case 1:
      return DType::kU8;
    case 2:
      return DType::kI8;
    case 4:
      return DType::kI32;
    case 5:
      return DType::kI64;
    case 6:
      return DType::kF16;
    case 7:
      return DType::kF32;
    case 8:
      return DType::kF64;
    case 12:
      return DType::kBool;
    case 13:
      return DType::kBF16;
    default:
      refuse(where, "found dtype " + code.dump() + " of torch.export; expected one of f32, f64, f16, bf16, i8, u8, i32, i64, bool");
  }
}

std::vector<std::int64_t> shape_of(const Json& meta, const std::string& where) {
  std::vector<std::int64_t> shape;
  for (const Json& size : array(meta, "sizes", where)) {
    const auto [kind, value] = only(size, where + ".sizes");
    shape.push_back(kind == "as_int" ? integer(*value, where + ".sizes") : kDynamic);
    if (kind == "as_int" && shape.back() < 0) refuse(where + ".sizes", "found a negative size");
  }
  return shape;
}

void check_entries(const Archive& archive) {
  constexpr auto kTorch = std::to_array<std::string_view>({".data/", "data/weights/", "data/constants/", "data/sample_inputs/", "extra/"});
  constexpr auto kFiles = std::to_array<std::string_view>({kModel, "archive_format", "archive_version", "byteorder"});
  for (const auto& [path, entry] : archive) {
    const auto begins = [&path](std::string_view with) { return path.starts_with(with); };
    if (std::find(kFiles.begin(), kFiles.end(), path) != kFiles.end() || std::any_of(kTorch.begin(), kTorch.end(), begins)) continue;
    const char* why = path.ends_with(".pkl")        ? ": a pickle, which is never opened"
                      : begins("data/aotinductor/") ? ": compiled code, which does not train"
                                                    : "";
    refuse(archive.name(), "found entry " + coppice::quoted(path) + why + "; expected what torch.export.save writes for one model");
  }
  const auto says = [&archive](const char* entry, std::string_view expected) {
    std::string_view found = archive.text_of(entry);
    if (found != expected)
      refuse(archive.name(), std::string(entry) + ": found " + coppice::quoted(found) + "; expected '" + std::string(expected) + "'");
  };
  says("archive_format", "pt2");
  says("archive_version", "0");
  says("byteorder", "little");
}

class Reader {
 public:
  explicit Reader(const Archive& archive) : archive_(archive), where_(archive.name() + ": " + kModel) {}

  ExportedProgram read() {
    check_entries(archive_);
    const Json model = parse_strict_json(archive_.text_of(kModel), where_);
    const Json& version = member(model, "schema_version", where_);
    const std::int64_t major = integer(member(version, "major", where_), where_), minor = integer(member(version, "minor", where_), where_);
    if (major != kSchemaMajor || minor > kSchemaMinor) {
      refuse(where_, "found schema " + std::to_string(major) + "." + std::to_string(minor) + " of torch.export; expected 8.0 to 8.20");
    }
    read_stored("data/weights/", "model_weights_config.json");
    read_stored("data/constants/", "model_constants_config.json");
    const Json& module = member(model, "graph_module", where_);
    const Json& graph = member(module, "graph", where_);
    Scope scope;
    read_inputs(member(module, "signature", where_), graph, scope);
    read_nodes(graph, scope);
    const Json& outputs = array(member(module, "signature", where_), "output_specs", where_);
    if (outputs.size() != 1) refuse(where_, "found " + std::to_string(outputs.size()) + " outputs; expected one, the logits");
    const auto [kind, spec] = only(outputs[0], where_ + ": output_specs");
    if (kind != "user_output") refuse(where_, "found an output of kind " + coppice::quoted(kind) + "; expected the logits alone");
    out_.program.output = tensor_in(member(member(*spec, "arg", where_), "as_tensor", where_ + ": output"), scope, where_ + ": output");
    return std::move(out_);
  }

 private:
  using Scope = std::map<std::string, ValueId>;

  void read_stored(const std::string& folder, const char* config_name) {
    const std::string path = folder + config_name, where = archive_.name() + ": " + path;
    const Json parsed = parse_strict_json(archive_.text_of(path), where);
    const Json& config = member(parsed, "config", where);
    if (!config.is_object()) refuse(where, "config is not an object");
    for (const auto& [name, payload] : config.items()) {
      const std::string tensor = where + ": " + coppice::quoted(name);
      if (member(payload, "use_pickle", tensor) != Json(false)) refuse(tensor, "is pickled; expected raw bytes");
      const Json& meta = member(payload, "tensor_meta", tensor);
      StoredTensor stored;
      stored.entry = folder + text(member(payload, "path_name", tensor), tensor);
      stored.dtype = dtype_of(member(meta, "dtype", tensor), tensor);
      stored.trainable = member(meta, "requires_grad", tensor) == Json(true);
      const std::vector<std::int64_t> shape = shape_of(meta, tensor);
      std::int64_t numel = 1;
      for (const std::int64_t size : shape) {
        if (size < 0 || __builtin_mul_overflow(numel, size, &numel) || numel > kMostElements) refuse(tensor, "its shape is not a tensor's");
      }
      const Json& strides = array(meta, "strides", tensor);
      std::int64_t step = 1;
      for (std::size_t d = shape.size(); d-- > 0; step *= std::max<std::int64_t>(shape[d], 1)) {
        const bool row_major = d < strides.size() && strides[d] == Json{{"as_int", step}};
        if (shape[d] > 1 && !row_major) refuse(tensor, "its values are not row-major; expected tensors made contiguous before the export");
      }
      if (member(meta, "storage_offset", tensor) != Json{{"as_int", 0}})
        refuse(tensor, "is a part of another tensor; expected one of its own");
      stored.bytes = archive_.bytes_of(stored.entry);
      const std::size_t expected = static_cast<std::size_t>(numel) * bytes_per_element(stored.dtype);
      if (stored.bytes.size() != expected) {
        refuse(tensor, "found " + std::to_string(stored.bytes.size()) + " bytes; its shape asks for " + std::to_string(expected));
      }
      if (!stored_.try_emplace(name, std::pair(stored, shape)).second) refuse(tensor, "is stored twice");
    }
  }

  ValueId add_value(std::string name, std::vector<std::int64_t> shape, std::optional<DType> dtype) {
    while (!names_.insert(name).second) name += "_";
    out_.program.values.push_back({std::move(name), dtype.has_value(), std::move(shape)});
    out_.dtypes.push_back(dtype);
    return static_cast<ValueId>(out_.program.values.size()) - 1;
  }

  // A tensor that the graph names, with the shape that its table gives.
  ValueId add_tensor(const std::string& name, const std::string& as, const Json& graph, Scope& scope) {
    const std::string where = where_ + ": tensor " + coppice::quoted(name);
    const Json& table = member(graph, "tensor_values", where_);
    const auto found = table.find(name);
    if (found == table.end()) refuse(where, "has no entry in tensor_values");
    const ValueId id = add_value(as, shape_of(*found, where), dtype_of(member(*found, "dtype", where), where));
    if (!scope.emplace(name, id).second) refuse(where, "is made twice");
    return id;
  }

  void read_inputs(const Json& signature, const Json& graph, Scope& scope) {
    int inputs = 0;
    for (const Json& spec : array(signature, "input_specs", where_)) {
      const auto [kind, body] = only(spec, where_ + ": input_specs");
      const Json& arg = member(*body, "arg", where_ + ": input_specs");
      if (kind == "user_input") {
        const auto [type, tensor] = only(arg, where_ + ": input_specs");
        inputs += 1;
        if (type != "as_tensor") refuse(where_, "found an input of kind " + coppice::quoted(type) + "; expected one tensor");
        const std::string name = text(member(*tensor, "name", where_), where_);
        out_.program.input = add_tensor(name, name, graph, scope);
        continue;
      }
      const bool param = kind == "parameter";
      if (!param && kind != "buffer" && kind != "tensor_constant") {
        refuse(where_, "found an input of kind " + coppice::quoted(kind) + "; expected parameters, buffers and tensors");
      }
      const char* key = param ? "parameter_name" : kind == "buffer" ? "buffer_name" : "tensor_constant_name";
      const std::string fqn = text(member(*body, key, where_), where_);
      const ValueId id = add_tensor(text(member(arg, "name", where_), where_), fqn, graph, scope);
      const auto found = stored_.find(fqn);
      const std::string where = where_ + ": " + coppice::quoted(fqn);
      if (found == stored_.end()) refuse(where, "has no values in the archive");
      const auto& [stored, shape] = found->second;
      if (shape != out_.program.shape(id) || stored.dtype != out_.dtypes[static_cast<std::size_t>(id)]) {
        refuse(where, "the graph and the weights disagree about its shape or dtype");
      }
      out_.tensors[id] = stored;
      out_.tensors[id].trainable = stored.trainable && param;
    }
    if (inputs != 1) refuse(where_, "found " + std::to_string(inputs) + " inputs; expected one tensor: images, features or tokens");
  }

  ValueId tensor_in(const Json& named, const Scope& scope, const std::string& where) const {
    return known(text(member(named, "name", where), where), scope, where);
  }

  ValueId known(const std::string& name, const Scope& scope, const std::string& where) const {
    const auto found = scope.find(name);
    if (found == scope.end()) refuse(where, "uses " + coppice::quoted(name) + " before it is made");
    return found->second;
  }

  // A size: a number, or the name of one that the graph works out.
  Arg size_arg(const Json& size, const Scope& scope, const std::string& where) const {
    const auto [kind, value] = only(size, where);
    if (kind == "as_int") return {integer(*value, where)};
    if (kind == "as_name") return {Ref{known(text(*value, where), scope, where)}};
    refuse(where, "found a size of kind " + coppice::quoted(kind));
  }

  template <class Read>
  static Arg list_of(const Json& items, const std::string& where, const Read& read) {
    if (!items.is_array()) refuse(where, "expected a list");
    List list;
    for (const Json& item : items) list.push_back(read(item));
    return {std::move(list)};
  }

  static Arg number(const Json& value, const std::string& where) {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    if (value == "Infinity") return {kInfinity};
    if (value == "-Infinity") return {-kInfinity};
    if (!value.is_number()) refuse(where, "found " + value.dump().substr(0, 40) + "; expected a number");
    return {value.get<double>()};
  }

  Arg arg_of(const Json& arg, const Scope& scope, const std::string& where) const {
    const auto [kind, value] = only(arg, where);
    const Json& body = *value;
    const auto tensor = [&](const Json& item) { return Arg{Ref{tensor_in(item, scope, where)}}; };
    if (kind == "as_none") return {};
    if (kind == "as_tensor") return tensor(body);
    if (kind == "as_int") return {integer(body, where)};
    if (kind == "as_float") return number(body, where);
    if (kind == "as_bool" && body.is_boolean()) return {body.get<bool>()};
    if (kind == "as_string") return {Text{text(body, where)}};
    if (kind == "as_scalar_type") return {dtype_of(body, where)};
    if (kind == "as_sym_int") return size_arg(body, scope, where);
    if (kind == "as_tensors") return list_of(body, where, tensor);
    if (kind == "as_ints") return list_of(body, where, [&](const Json& item) { return Arg{integer(item, where)}; });
    if (kind == "as_floats") return list_of(body, where, [&](const Json& item) { return number(item, where); });
    if (kind == "as_sym_ints") return list_of(body, where, [&](const Json& item) { return size_arg(item, scope, where); });
    if (kind == "as_optional_tensors") {
      return list_of(body, where, [&](const Json& item) {
        const auto [type, named] = only(item, where);
        return type == "as_none" ? Arg{} : tensor(*named);
      });
    }
    refuse(where, "found an argument of kind " + coppice::quoted(kind));
  }

  void read_nodes(const Json& graph, Scope& scope) {
    for (const Json& item : array(graph, "nodes", where_)) {
      const std::string target = text(member(item, "target", where_), where_);
      const std::string where = where_ + ": node of " + coppice::quoted(target);
      const Json& outputs = array(item, "outputs", where);
      if (outputs.empty()) continue;  // assertions
      if (target == "torch.ops.higher_order.wrap_with_set_grad_enabled") {
        inline_graph(array(item, "inputs", where), outputs, graph, scope, where);
        continue;
      }
      Node node;
      constexpr std::string_view kOps = "torch.ops.", kSizes = "_operator.";
      node.op = target.starts_with(kOps)     ? target.substr(kOps.size())
                : target.starts_with(kSizes) ? "size." + target.substr(kSizes.size())
                                             : target;
      for (const Json& input : array(item, "inputs", where)) {
        const Json& arg = member(input, "arg", where);
        const std::string name = text(member(input, "name", where), where);
        if (name == "pin_memory" || std::find(kPlacement.begin(), kPlacement.end(), only(arg, where).first) != kPlacement.end()) continue;
        if (node.find(name) != nullptr) refuse(where, "argument " + coppice::quoted(name) + " stands twice");
        node.args.emplace_back(name, arg_of(arg, scope, where));
      }
      for (const Json& output : outputs) add_outputs(output, graph, scope, node.outputs, where);
      out_.program.nodes.push_back(std::move(node));
    }
  }

  void add_outputs(const Json& output, const Json& graph, Scope& scope, std::vector<ValueId>& ids, const std::string& where) {
    const auto [kind, value] = only(output, where + ": outputs");
    const auto add = [&](const Json& named) {
      const std::string name = text(member(named, "name", where), where);
      ids.push_back(add_tensor(name, name, graph, scope));
    };
    if (kind == "as_tensor") return add(*value);
    if (kind == "as_tensors" && value->is_array()) {
      std::for_each(value->begin(), value->end(), add);
      return;
    }
    if (kind == "as_sym_int" || kind == "as_sym_bool") {
      const std::string name = text(member(*value, "as_name", where), where);
      ids.push_back(add_value(name, {}, std::nullopt));
      if (!scope.emplace(name, ids.back()).second) refuse(where, "makes " + coppice::quoted(name) + " twice");
      return;
    }
    refuse(where, "found an output of kind " + coppice::quoted(kind));
  }

  // A part of the graph under another gradient mode: its nodes, and where gradients are off its outputs detached.
  void inline_graph(const Json& inputs, const Json& outputs, const Json& graph, Scope& scope, const std::string& where) {
    if (inputs.size() < 2) refuse(where, "expected a mode and a graph");
    const bool grad = member(member(inputs[0], "arg", where), "as_bool", where) == Json(true);
    const Json& inner = member(member(member(inputs[1], "arg", where), "as_graph", where), "graph", where);
    const Json& formal = array(inner, "inputs", where);
    if (formal.size() != inputs.size() - 2) refuse(where, "the inner graph takes another number of inputs");
    Scope own;
    for (std::size_t i = 0; i < formal.size(); ++i) {
      const auto [kind, named] = only(formal[i], where);
      const char* key = kind == "as_sym_int" ? "as_name" : "name";
      const auto [outer_kind, outer] = only(member(inputs[i + 2], "arg", where), where);
      own[text(member(*named, key, where), where)] =
          known(text(member(*outer, outer_kind == "as_sym_int" ? "as_name" : "name", where), where), scope, where);
    }
    if (++depth_ > 8) refuse(where, "graphs within graphs within graphs");
    read_nodes(inner, own);
    --depth_;
    std::vector<const Json*> names;
    for (const Json& output : outputs) {
      const auto [kind, value] = only(output, where);
      if (kind == "as_tensors" && value->is_array()) {
        for (const Json& named : *value) names.push_back(&named);
      } else {
        names.push_back(value);
      }
    }
    const Json& results = array(inner, "outputs", where);
    if (results.size() != names.size()) refuse(where, "the inner graph has another number of outputs");
    for (std::size_t i = 0; i < names.size(); ++i) {
      const ValueId result = tensor_in(member(results[i], "as_tensor", where), own, where);
      const std::string name = text(member(*names[i], "name", where), where);
      Node detach{"aten.detach.default", {{"self", Arg{Ref{result}}}}, {add_tensor(name, name, graph, scope)}};
      if (grad) detach.op = "aten.alias.default";
      out_.program.nodes.push_back(std::move(detach));
    }
  }

  const Archive& archive_;
  std::string where_;
  std::map<std::string, std::pair<StoredTensor, std::vector<std::int64_t>>> stored_;
  std::set<std::string> names_;
  int depth_ = 0;
  ExportedProgram out_;
};

}  // namespace

ExportedProgram read_exported_program(const Archive& archive) { return Reader(archive).read(); }

}  // namespace coppice::graph
