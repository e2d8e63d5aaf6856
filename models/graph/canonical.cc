#include "models/graph/canonical.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "core/error.h"
#include "models/graph/operators.h"

namespace coppice::graph {
namespace {

constexpr std::size_t kLargestConstants = std::size_t{1} << 20;
constexpr std::string_view kCounter = ".num_batches_tracked";

// Other names of one operation, once what they write into or where they put it does not matter.
const std::map<std::string, std::string, std::less<>> kSynonyms = {
    {"aten.view.default", "aten.reshape.default"},
    {"aten._unsafe_view.default", "aten.reshape.default"},
    {"aten.to.dtype_layout", "aten.to.dtype"},
    {"aten._to_copy.default", "aten.to.dtype"},
    {"aten.split.Tensor", "aten.split_with_sizes.default"},
    {"aten.chunk.default", "aten.split_with_sizes.default"},
    {"aten.split.sizes", "aten.split_with_sizes.default"},
    {"aten.bmm.default", "aten.matmul.default"},
    {"aten.mm.default", "aten.matmul.default"},
    {"aten.concat.default", "aten.cat.default"},
    {"aten.swapaxes.default", "aten.transpose.int"},
    {"aten.to.device", "aten.to.dtype"},
};
constexpr auto kIdentities = std::to_array<std::string_view>(
    {"aten.alias.default", "aten.clone.default", "aten.contiguous.default", "aten.lift_fresh_copy.default"});
constexpr auto kDropouts =
    std::to_array<std::string_view>({"aten.dropout.default", "aten.feature_dropout.default", "aten.alpha_dropout.default"});

template <class List>
bool among(std::string_view name, const List& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Whether its result lies in its operand's memory.
bool is_view(std::string_view op) {
  const Operator* known = find_operator(op);
  if (known == nullptr) return true;
  switch (known->rule) {
    case Rule::kReshape:
    case Rule::kUnsqueeze:
    case Rule::kSqueeze:
    case Rule::kPermute:
    case Rule::kExpand:
    case Rule::kSplit:
    case Rule::kSlice:
    case Rule::kSelect:
      return true;
    default:
      return op == "aten.detach.default" || op == "aten.to.dtype" || op == "aten.narrow.default";
  }
}

class Canonical {
 public:
  Canonical(ExportedProgram exported, const std::string& where) : in_(std::move(exported)), where_(where), now_(in_.program.values.size()) {
    for (std::size_t i = 0; i < now_.size(); ++i) now_[i] = static_cast<ValueId>(i);
    for (const Value& value : in_.program.values) names_.push_back(value.name);
  }

  ImportedProgram take() {
    std::vector<Node> nodes = std::exchange(in_.program.nodes, {});
    for (Node& node : nodes) add(std::move(node));
    in_.program.output = now(in_.program.output);
    use_products();
    in_.program = without_dead_code(in_.program);  // ids are new from here on: names find what belongs to them
    for (const Node& node : in_.program.nodes) operator_of(node.op, where_ + ": " + place(node));
    declare_tensors();
    in_.program = without_dead_code(in_.program);
    return {std::move(in_.program), std::move(values_), dropouts_};
  }

 private:
  [[noreturn]] void refuse(const Node& node, const std::string& why) const { throw InputError(where_ + ": " + place(node) + ": " + why); }
  std::string place(const Node& node) const {
    return node.outputs.empty() ? coppice::quoted(node.op)
                                : coppice::quoted(in_.program.name(node.outputs[0])) + " (" + coppice::quoted(node.op) + ")";
  }
  ValueId now(ValueId value) const {
    while (now_[static_cast<std::size_t>(value)] != value) value = now_[static_cast<std::size_t>(value)];
    return value;
  }
  std::optional<DType>& dtype(ValueId value) { return in_.dtypes[static_cast<std::size_t>(value)]; }
  const StoredTensor* stored(ValueId value) const {
    const auto found = in_.tensors.find(value);
    return found == in_.tensors.end() ? nullptr : &found->second;
  }

  // The node's first result is another name for `value`.
  void same_as(const Node& node, ValueId value) {
    if (node.outputs.size() != 1) refuse(node, "expected one result");
    now_[static_cast<std::size_t>(node.outputs[0])] = value;
  }

  ValueId operand(const Node& node, std::string_view name) const {
    const Ref* ref = ref_of(node, name);
    if (ref == nullptr) refuse(node, "argument '" + std::string(name) + "' is missing");
    return ref->value;
  }

  void add(Node node) {
    for (auto& [name, arg] : node.args) replace_refs(arg, [this](ValueId value) { return now(value); });
    const std::size_t dot = node.op.rfind('.');
    const bool in_place = dot != std::string::npos && dot > 0 && node.op[dot - 1] == '_' && !node.op.starts_with("aten.__");
    ValueId target = -1;
    if (in_place) {
      target = operand(node, "self");
      if (stored(target) != nullptr && in_.program.name(target).ends_with(kCounter)) return same_as(node, target);
      node.op.erase(dot - 1, 1);
      if (!among(node.op, kDropouts)) check_writable(node, target);
    }
    if (const auto synonym = kSynonyms.find(node.op); synonym != kSynonyms.end()) rename(node, synonym->second);
    if (among(node.op, kDropouts)) {
      dropouts_ += 1;
      return same_as(node, operand(node, node.find("input") != nullptr ? "input" : "self"));
    }
    if (among(node.op, kIdentities) || copies_nothing(node))
      return same_as(node, operand(node, node.find("self") != nullptr ? "self" : "input"));
    if (node.op == "aten.scaled_dot_product_attention.default") {
      if (const Arg* p = node.find("dropout_p"); p != nullptr && !std::holds_alternative<std::monostate>(p->held)) {
        const auto* value = std::get_if<double>(&p->held);
        dropouts_ += value != nullptr && *value > 0.0 ? 1 : 0;
        node.set("dropout_p", {0.0});
      }
    }
    if (node.op == "aten.lstm.input" || node.op == "aten.gru.input") node.set("dropout", {0.0});
    if (node.op == "aten.batch_norm.default") complete_norm(node);
    if (node.op == "aten.conv2d.padding" || node.op == "aten.conv1d.padding") spell_padding(node);
    for (const ValueId value : node.outputs) maker_[value] = in_.program.nodes.size();
    if (in_place) {
      if (node.outputs.size() != 1) refuse(node, "expected one result");
      now_[static_cast<std::size_t>(target)] = node.outputs[0];  // who reads the target from here on reads the result
    }
    in_.program.nodes.push_back(std::move(node));
  }

  void check_writable(const Node& node, ValueId target) const {
    const auto maker = maker_.find(target);
    if (maker == maker_.end())
      refuse(node, "writes into " + coppice::quoted(in_.program.name(target)) + "; expected an operation that makes a new tensor");
    bool viewed = is_view(in_.program.nodes[maker->second].op);
    for (const Node& other : in_.program.nodes) {
      if (!is_view(other.op)) continue;
      for_each_ref(other, [&](ValueId value) { viewed = viewed || value == target; });
    }
    if (viewed) refuse(node, "writes into a view; expected inplace=False there");
  }

  void rename(Node& node, const std::string& op) {
    if (op == "aten.reshape.default") {
      for (auto& [name, arg] : node.args) name = name == "size" ? "shape" : name;
    }
    if (op == "aten.to.dtype" || op == "aten.cat.default") {
      std::erase_if(node.args, [](const auto& arg) {
        return arg.first != "self" && arg.first != "dtype" && arg.first != "tensors" && arg.first != "dim";
      });
    }
    if (op == "aten.matmul.default") {
      for (auto& [name, arg] : node.args) name = name == "mat2" ? "other" : name;
    }
    if (op == "aten.split_with_sizes.default" && node.op != "aten.split.sizes") {
      const std::vector<std::int64_t>& whole = in_.program.shape(operand(node, "self"));
      std::int64_t dim = int_of(node, "dim", 0);
      if (dim < 0) dim += static_cast<std::int64_t>(whole.size());
      List sizes;
      for (const ValueId part : node.outputs) {
        const auto& shape = in_.program.shape(part);
        if (dim < 0 || static_cast<std::size_t>(dim) >= shape.size() || shape[static_cast<std::size_t>(dim)] == kDynamic) {
          refuse(node, "splits a dim whose size differs from batch to batch");
        }
        sizes.push_back({shape[static_cast<std::size_t>(dim)]});
      }
      node.args = {{"self", {Ref{operand(node, "self")}}}, {"split_sizes", {std::move(sizes)}}, {"dim", {dim}}};
    } else if (op == "aten.split_with_sizes.default") {
      for (auto& [name, arg] : node.args) name = name == "split_size" ? "split_sizes" : name;
    }
    node.op = op;
  }

  bool copies_nothing(const Node& node) {
    if (node.op == "aten.to.dtype") {
      const Arg* to = node.find("dtype");
      const auto* type = to == nullptr ? nullptr : std::get_if<DType>(&to->held);
      return type == nullptr || dtype(operand(node, "self")) == *type;
    }
    if (node.op != "aten.slice.Tensor") return false;
    const Arg* end = node.find("end");
    const auto* last = end == nullptr ? nullptr : std::get_if<std::int64_t>(&end->held);
    const Arg* start = node.find("start");
    const auto* first = start == nullptr ? nullptr : std::get_if<std::int64_t>(&start->held);
    const bool from_start = start == nullptr || std::holds_alternative<std::monostate>(start->held) || (first != nullptr && *first == 0);
    return from_start && last != nullptr && *last == std::numeric_limits<std::int64_t>::max() && int_of(node, "step", 1) == 1;
  }

  // A tensor of ones or zeros in the place of a missing scale or shift.
  ValueId made_up(std::int64_t size, float value) {
    const auto id = static_cast<ValueId>(in_.program.values.size());
    in_.program.values.push_back({"constant_" + std::to_string(id), true, {size}});
    in_.dtypes.push_back(DType::kF32);
    now_.push_back(id);
    Constant constant{id, DType::kF32, std::vector<std::byte>(static_cast<std::size_t>(size) * sizeof(float))};
    for (std::int64_t i = 0; i < size; ++i)
      std::memcpy(constant.bytes.data() + i * static_cast<std::int64_t>(sizeof(float)), &value, sizeof(float));
    in_.program.constants.push_back(std::move(constant));
    return id;
  }

  void complete_norm(Node& node) {
    for (const char* statistic : {"running_mean", "running_var"}) {
      const Ref* ref = ref_of(node, statistic);
      if (ref == nullptr || stored(ref->value) == nullptr) refuse(node, "has no running statistics; expected track_running_stats");
    }
    const auto& shape = in_.program.shape(operand(node, "running_mean"));
    if (shape.size() != 1) refuse(node, "its running statistics are no vectors");
    if (ref_of(node, "weight") == nullptr) node.set("weight", {Ref{made_up(shape[0], 1.0F)}});
    if (ref_of(node, "bias") == nullptr) node.set("bias", {Ref{made_up(shape[0], 0.0F)}});
    const Ref mean{operand(node, "running_mean")}, variance{operand(node, "running_var")};
    const bool twice =
        std::any_of(in_.program.moments.begin(), in_.program.moments.end(), [&](const Moments& m) { return m.mean == mean.value; });
    if (twice) refuse(node, "shares its running statistics with another");
    in_.program.moments.push_back({mean.value, variance.value});
    std::erase_if(node.args, [](const auto& arg) { return arg.first == "training" || arg.first == "cudnn_enabled"; });
  }

  void spell_padding(Node& node) {
    const Arg* named = node.find("padding");
    const auto* text = named == nullptr ? nullptr : std::get_if<Text>(&named->held);
    const auto& kernel = in_.program.shape(operand(node, "weight"));
    const std::vector<std::int64_t> dilation = ints_of(node, "dilation", {1});
    if (kernel.size() < 3 || dilation.empty()) refuse(node, "found a kernel without size");
    List padding;
    for (std::size_t d = 2; d < kernel.size(); ++d) {
      std::int64_t total = 0;
      if (text != nullptr && text->text == "same" &&
          __builtin_mul_overflow(dilation[std::min(d - 2, dilation.size() - 1)], kernel[d] - 1, &total)) {
        refuse(node, "found a dilation beyond any image");
      }
      if (total % 2 != 0) refuse(node, "pads more on one side than on the other");
      padding.push_back({total / 2});
    }
    node.set("padding", {std::move(padding)});
    node.op = node.op.substr(0, node.op.rfind('.')) + ".default";
  }

  bool is_matrix(ValueId value) const {
    const StoredTensor* tensor = stored(value);
    return tensor != nullptr && tensor->trainable && in_.program.shape(value).size() == 2;
  }

  // Products with a parameter, as what a Tap knows. One that is also used in another way stays as it is.
  void use_products() {
    std::map<ValueId, int> uses, products;
    const auto other_of = [this](const Node& node) -> ValueId {
      const Ref* other = node.op == "aten.matmul.default"  ? ref_of(node, "other")
                         : node.op == "aten.addmm.default" ? ref_of(node, "mat2")
                                                           : nullptr;
      return other != nullptr && is_matrix(other->value) ? other->value : -1;
    };
    for (const Node& node : in_.program.nodes) {
      for_each_ref(node, [&](ValueId value) { uses[value] += 1; });
      if (const ValueId other = other_of(node); other >= 0) products[other] += 1;
    }
    for (Node& node : in_.program.nodes) {
      const ValueId other = other_of(node);
      if (other < 0 || uses[other] != products[other]) continue;
      const bool adds = node.op == "aten.addmm.default";
      Node linear{"aten.linear.default", {{"input", {Ref{operand(node, adds ? "mat1" : "self")}}}, {"weight", {Ref{other}}}}, node.outputs};
      if (adds) linear.args.emplace_back("bias", Arg{Ref{operand(node, "self")}});
      if (adds && (node.find("beta") != nullptr || node.find("alpha") != nullptr))
        refuse(node, "scales what it adds; expected alpha and beta of 1");
      node = std::move(linear);
      transposed_.insert(in_.program.name(other));
    }
    for (const std::string& name : transposed_) {
      for (Value& value : in_.program.values) {
        if (value.name == name) std::swap(value.shape[0], value.shape[1]);
      }
    }
  }

  // Everything that is read and not made: parameters, running statistics, constants.
  void declare_tensors() {
    Program& program = in_.program;
    std::map<std::string, const StoredTensor*> by_name;
    for (const auto& [id, tensor] : in_.tensors) by_name[names_.at(static_cast<std::size_t>(id))] = &tensor;
    std::set<ValueId> made = {program.input}, statistics;
    for (const Moments& m : program.moments) statistics.insert({m.mean, m.variance});
    for (const Constant& constant : program.constants) made.insert(constant.value);
    for (const Node& node : program.nodes) made.insert(node.outputs.begin(), node.outputs.end());
    std::map<std::string, ValueId> entries;
    std::size_t total = 0;
    for (ValueId id = 0; id < static_cast<ValueId>(program.values.size()); ++id) {
      if (made.contains(id)) continue;
      const std::string& name = program.name(id);
      const StoredTensor& tensor = *by_name.at(name);
      const std::string tensor_where = where_ + ": tensor " + coppice::quoted(name);
      if (tensor.trainable || statistics.contains(id)) {
        if (tensor.dtype != DType::kF32)
          throw InputError(tensor_where + ": found dtype " + name_of(tensor.dtype) + "; expected f32 (export the model in float32)");
        if (program.shape(id).empty()) throw InputError(tensor_where + ": found a single number; expected a tensor of at least one dim");
        const auto [known, fresh] = entries.emplace(tensor.entry, id);
        if (!fresh)
          throw InputError(tensor_where + " shares its values with " + coppice::quoted(program.name(known->second)) +
                           "; expected one name for both");
        values_[name] = {tensor.bytes, transposed_.contains(name)};
        if (tensor.trainable) program.params.push_back(id);
        continue;
      }
      total += tensor.bytes.size();
      if (total > kLargestConstants)
        throw InputError(tensor_where + ": buffers and frozen parameters of more than 1 MiB; expected parameters that train");
      program.constants.push_back({id, tensor.dtype, {tensor.bytes.begin(), tensor.bytes.end()}});
    }
  }

  ExportedProgram in_;
  std::string where_;
  std::vector<ValueId> now_;              // what stands for a value
  std::map<ValueId, std::size_t> maker_;  // the node that made it
  std::set<std::string> transposed_;
  std::map<std::string, StoredValues> values_;
  std::vector<std::string> names_;  // of the values as they were read
  int dropouts_ = 0;
};

}  // namespace

ImportedProgram canonical(ExportedProgram exported, const std::string& where) {
  const DType found = exported.dtypes.at(static_cast<std::size_t>(exported.program.input)).value();
  if (found != DType::kI64 && found != DType::kF32)
    throw InputError(where + ": the input: found dtype " + name_of(found) + "; expected f32 or i64");
  exported.program.input_dtype = found;
  return Canonical(std::move(exported), where).take();
}

}  // namespace coppice::graph
