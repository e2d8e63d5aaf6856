#include "models/graph/executable.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <variant>
#include <vector>

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>
#include <ATen/core/jit_type.h>
#include <ATen/ops/empty.h>

#include "core/error.h"
#include "models/graph/one_dtype.h"
#include "models/graph/operators.h"
#include "models/operations.h"
#include "models/support.h"

namespace coppice::graph {
namespace {

using c10::IValue;
using Frame = std::vector<IValue>;

std::string place(const Program& program, const Node& node) {
  return "graph: " + coppice::quoted(program.name(node.outputs.at(0))) + " (" + coppice::quoted(node.op) + ")";
}

// What an argument becomes for a schema's type; `frame` holds the values that it names.
class Converter {
 public:
  Converter(const Program& program, const Node& node) : program_(program), node_(node) {}

  IValue operator()(const std::string& name, const Arg& arg, const c10::TypePtr& type, const Frame& frame) const {
    if (const auto optional = type->cast<c10::OptionalType>()) {
      if (std::holds_alternative<std::monostate>(arg.held)) return {};
      return (*this)(name, arg, optional->getElementType(), frame);
    }
    if (const auto list = type->cast<c10::ListType>()) return list_of(name, arg, list->getElementType(), frame);
    if (const auto* ref = std::get_if<Ref>(&arg.held)) {
      const bool tensor = type->kind() == c10::TypeKind::TensorType;
      const bool number = is_size(*type) || type->kind() == c10::TypeKind::NumberType;
      if (program_.values[static_cast<std::size_t>(ref->value)].tensor ? !tensor : !number) wrong(name, *type);
      return frame[static_cast<std::size_t>(ref->value)];
    }
    switch (type->kind()) {
      case c10::TypeKind::IntType:
      case c10::TypeKind::SymIntType:
        if (const auto* value = std::get_if<std::int64_t>(&arg.held)) return *value;
        break;
      case c10::TypeKind::ScalarTypeType:
        if (const auto* dtype = std::get_if<DType>(&arg.held)) return static_cast<std::int64_t>(scalar_type_of(*dtype));
        break;
      case c10::TypeKind::FloatType:
        if (const auto* value = std::get_if<double>(&arg.held)) return *value;
        if (const auto* value = std::get_if<std::int64_t>(&arg.held)) return static_cast<double>(*value);
        break;
      case c10::TypeKind::NumberType:
        if (const auto* value = std::get_if<double>(&arg.held)) return *value;
        if (const auto* value = std::get_if<std::int64_t>(&arg.held)) return *value;
        if (const auto* value = std::get_if<bool>(&arg.held)) return *value;
        break;
      case c10::TypeKind::BoolType:
        if (const auto* value = std::get_if<bool>(&arg.held)) return *value;
        break;
      case c10::TypeKind::StringType:
        if (const auto* value = std::get_if<Text>(&arg.held)) return value->text;
        break;
      case c10::TypeKind::TensorType:  // a number in a tensor's place
        if (const auto* value = std::get_if<double>(&arg.held)) return number_tensor(*value);
        if (const auto* value = std::get_if<std::int64_t>(&arg.held)) return number_tensor(*value);
        break;
      default:
        break;
    }
    wrong(name, *type);
  }

 private:
  static bool is_size(const c10::Type& type) { return type.kind() == c10::TypeKind::IntType || type.kind() == c10::TypeKind::SymIntType; }

  // As PyTorch has it: a number takes part in arithmetic without deciding the dtype.
  template <class Number>
  static at::Tensor number_tensor(Number value) {
    at::Tensor tensor = at::empty({}, at::TensorOptions().dtype(std::is_same_v<Number, double> ? at::kDouble : at::kLong));
    tensor.fill_(value);
    tensor.unsafeGetTensorImpl()->set_wrapped_number(true);
    return tensor;
  }

  IValue list_of(const std::string& name, const Arg& arg, const c10::TypePtr& element, const Frame& frame) const {
    const auto* items = std::get_if<List>(&arg.held);
    const List alone{arg};  // a single number speaks for all dims
    if (items == nullptr) items = is_size(*element) && !std::holds_alternative<std::monostate>(arg.held) ? &alone : nullptr;
    if (items == nullptr) wrong(name, *element);
    if (is_size(*element)) {
      std::vector<std::int64_t> sizes;
      for (const Arg& item : *items) sizes.push_back((*this)(name, item, c10::IntType::get(), frame).toInt());
      return sizes;
    }
    if (element->kind() == c10::TypeKind::TensorType) {
      std::vector<at::Tensor> tensors;
      for (const Arg& item : *items) tensors.push_back((*this)(name, item, element, frame).toTensor());
      return tensors;
    }
    if (const auto optional = element->cast<c10::OptionalType>();
        optional && optional->getElementType()->kind() == c10::TypeKind::TensorType) {
      c10::List<std::optional<at::Tensor>> tensors;
      for (const Arg& item : *items) tensors.push_back((*this)(name, item, element, frame).toOptional<at::Tensor>());
      return tensors;
    }
    c10::impl::GenericList values(element);
    for (const Arg& item : *items) values.push_back((*this)(name, item, element, frame));
    return values;
  }

  [[noreturn]] void wrong(const std::string& name, const c10::Type& type) const {
    throw InputError(place(program_, node_) + ": argument " + coppice::quoted(name) + ": expected " + type.annotation_str());
  }

  const Program& program_;
  const Node& node_;
};

bool refers(const Arg& arg) {
  bool found = false;
  for_each_ref(arg, [&found](ValueId) { found = true; });
  return found;
}

// An argument that a pass has to fill in.
struct Slot {
  std::size_t position = 0;
  std::string name;
  const Arg* arg = nullptr;
  c10::TypePtr type;
};

struct Call {
  c10::OperatorHandle handle;
  std::vector<IValue> arguments;  // with the constant ones in place
  std::vector<Slot> slots;
  bool one_dtype = false;  // asks it of its operands
};

struct Linear {
  ParamId weight;
  ValueId x, w, bias;
};
struct Conv {
  ParamId weight;
  ValueId x, w, bias;
  ConvGeometry geometry;
  bool line;  // over one dim, which is a row of an image
};
struct Norm {
  NormId norm;
  ValueId x, gamma, beta;
  double eps, momentum;
};
struct Rectify {
  ValueId x;
};
struct RectifySum {
  ValueId a, b;
};
enum class SizeOp : std::uint8_t { kOf, kAdd, kSub, kMul, kFloorDiv };
struct Size {
  SizeOp op;
};

struct Step {
  const Node* node = nullptr;
  std::variant<Call, Linear, Conv, Norm, Rectify, RectifySum, Size> what;
  std::vector<ValueId> last_used;  // gone behind this step
};

std::array<std::int64_t, 2> pair_of(const Node& node, const char* name, std::int64_t otherwise, bool line) {
  const std::vector<std::int64_t> found = ints_of(node, name, {otherwise});
  if (found.empty() || found.size() > 2) throw InputError(node.op + ": argument '" + std::string(name) + "': expected one number or two");
  if (line) return {otherwise, found[0]};
  return {found[0], found.back()};
}

double double_of(const Node& node, const char* name, double otherwise) {
  const Arg* arg = node.find(name);
  if (arg == nullptr) return otherwise;
  if (const auto* value = std::get_if<double>(&arg->held)) return *value;
  if (const auto* value = std::get_if<std::int64_t>(&arg->held)) return static_cast<double>(*value);
  throw InputError(node.op + ": argument '" + std::string(name) + "': expected a number");
}

ValueId value_of(const Node& node, const char* name) {
  const Ref* ref = ref_of(node, name);
  if (ref == nullptr) throw InputError(node.op + ": argument '" + std::string(name) + "': expected a tensor");
  return ref->value;
}
ValueId value_or_none(const Node& node, const char* name) {
  const Ref* ref = ref_of(node, name);
  return ref == nullptr ? -1 : ref->value;
}

std::string first_line(const char* text) {
  const std::string_view all(text);
  return std::string(all.substr(0, all.find('\n')));
}

}  // namespace

struct Executable::Impl {
  explicit Impl(const Program& p) : program(p) {
    for (std::size_t i = 0; i < p.params.size(); ++i) param_ids[p.params[i]] = static_cast<ParamId>(i);
    for (std::size_t i = 0; i < p.moments.size(); ++i) norm_ids[p.moments[i].mean] = static_cast<NormId>(i);
    for (const Constant& constant : p.constants) {
      at::Tensor tensor = at::empty(p.shape(constant.value), at::TensorOptions().dtype(scalar_type_of(constant.dtype)));
      std::memcpy(tensor.mutable_data_ptr(), constant.bytes.data(), constant.bytes.size());
      constants.push_back(std::move(tensor));
    }
    for (const Node& node : p.nodes) {
      try {
        steps.push_back({&node, resolved(node), {}});
      } catch (InputError& error) {
        if (std::string_view(error.what()).starts_with("graph:")) throw;
        error.within("graph: " + coppice::quoted(p.name(node.outputs.at(0))));
        throw;
      }
    }
    fuse_sums();
    find_last_uses();
  }

  decltype(Step::what) resolved(const Node& node) const {
    const Rule rule = operator_of(node.op, "graph").rule;
    if (rule == Rule::kSize)
      return Size{node.op == "aten.sym_size.int" ? SizeOp::kOf
                  : node.op == "size.add"        ? SizeOp::kAdd
                  : node.op == "size.sub"        ? SizeOp::kSub
                  : node.op == "size.mul"        ? SizeOp::kMul
                                                 : SizeOp::kFloorDiv};
    Node whole = node;
    if (rule == Rule::kBatchNorm) {  // the mode decides
      whole.set("training", {false});
      whole.set("cudnn_enabled", {false});
    }
    Call call = call_of(whole);  // whatever runs it, its arguments are those of its schema
    for (Slot& slot : call.slots) slot.arg = node.find(slot.name);
    call.one_dtype = wants_one_dtype(rule);
    if (rule == Rule::kLinear || rule == Rule::kConvolution) {
      const auto param = param_ids.find(value_of(node, "weight"));
      if (param != param_ids.end() && rule == Rule::kLinear)
        return Linear{param->second, value_of(node, "input"), value_of(node, "weight"), value_or_none(node, "bias")};
      if (param != param_ids.end()) {
        const bool line = node.op == "aten.conv1d.default";
        return Conv{param->second,
                    value_of(node, "input"),
                    value_of(node, "weight"),
                    value_or_none(node, "bias"),
                    {pair_of(node, "stride", 1, line), pair_of(node, "padding", 0, line), pair_of(node, "dilation", 1, line),
                     int_of(node, "groups", 1)},
                    line};
      }
    }
    if (rule == Rule::kBatchNorm) {
      const auto norm = norm_ids.find(value_of(node, "running_mean"));
      if (norm == norm_ids.end() || program.moments[static_cast<std::size_t>(norm->second)].variance != value_of(node, "running_var"))
        throw InputError(node.op + ": expected running statistics of its own");
      return Norm{norm->second,
                  value_of(node, "input"),
                  value_of(node, "weight"),
                  value_of(node, "bias"),
                  double_of(node, "eps", kBatchNormEps),
                  double_of(node, "momentum", kBatchNormMomentum)};
    }
    if (node.op == "aten.relu.default") return Rectify{value_of(node, "self")};
    return call;
  }

  Call call_of(const Node& node) const {
    const std::size_t dot = node.op.find('.', 5), end = node.op.size();
    const std::string name = "aten::" + node.op.substr(5, dot - 5), overload = node.op.substr(std::min(dot + 1, end));
    Call call{c10::Dispatcher::singleton().findSchemaOrThrow(name.c_str(), overload == "default" ? "" : overload.c_str()), {}, {}};
    const Converter convert(program, node);
    std::size_t used = 0;
    for (const c10::Argument& formal : call.handle.schema().arguments()) {
      const Arg* arg = node.find(formal.name());
      if (arg == nullptr) {
        if (!formal.default_value() && formal.type()->kind() != c10::TypeKind::OptionalType)
          throw InputError(node.op + ": argument '" + formal.name() + "' is missing");
        call.arguments.push_back(formal.default_value().value_or(IValue()));
        continue;
      }
      used += 1;
      if (refers(*arg)) {
        call.slots.push_back({call.arguments.size(), formal.name(), arg, formal.real_type()});
        check_types(convert, call.slots.back());
        call.arguments.emplace_back();
      } else {
        call.arguments.push_back(convert(formal.name(), *arg, formal.real_type(), {}));
      }
    }
    if (used != node.args.size()) throw InputError(node.op + ": found an argument that it does not have");
    if (call.handle.schema().returns().size() < node.outputs.size() && call.handle.schema().returns().size() != 1)
      throw InputError(node.op + ": found more results than it has");
    return call;
  }

  // With stand-ins for what the pass will bring.
  void check_types(const Converter& convert, const Slot& slot) const {
    Frame frame(program.values.size());
    for_each_ref(*slot.arg, [&](ValueId value) {
      const bool tensor = program.values[static_cast<std::size_t>(value)].tensor;
      frame[static_cast<std::size_t>(value)] = tensor ? IValue(at::Tensor()) : IValue(std::int64_t{1});
    });
    convert(slot.name, *slot.arg, slot.type, frame);
  }

  // relu(a + b), where nothing else reads the sum: one pass each way.
  void fuse_sums() {
    std::vector<int> uses(program.values.size(), 0);
    std::vector<const Node*> maker(program.values.size(), nullptr);
    uses[static_cast<std::size_t>(program.output)] += 1;
    for (const Node& node : program.nodes) {
      for_each_ref(node, [&](ValueId value) { uses[static_cast<std::size_t>(value)] += 1; });
      for (const ValueId value : node.outputs) maker[static_cast<std::size_t>(value)] = &node;
    }
    std::vector<const Node*> gone;
    for (Step& step : steps) {
      const auto* relu = std::get_if<Rectify>(&step.what);
      const Node* sum = relu == nullptr ? nullptr : maker[static_cast<std::size_t>(relu->x)];
      if (sum == nullptr || uses[static_cast<std::size_t>(relu->x)] != 1 || sum->op != "aten.add.Tensor" || sum->find("alpha") != nullptr)
        continue;
      const Ref *a = ref_of(*sum, "self"), *b = ref_of(*sum, "other");
      if (a == nullptr || b == nullptr || program.shape(a->value) != program.shape(b->value)) continue;
      step.what = RectifySum{a->value, b->value};
      gone.push_back(sum);
    }
    std::erase_if(steps, [&](const Step& step) { return std::find(gone.begin(), gone.end(), step.node) != gone.end(); });
  }

  void find_last_uses() {
    std::vector<char> later(program.values.size(), 0);
    later[static_cast<std::size_t>(program.output)] = 1;
    for (const ValueId param : program.params) later[static_cast<std::size_t>(param)] = 1;
    for (std::size_t s = steps.size(); s-- > 0;) {
      const auto note = [&](ValueId value) {
        if (std::exchange(later[static_cast<std::size_t>(value)], char{1}) == 0) steps[s].last_used.push_back(value);
      };
      for_each_ref(*steps[s].node, note);
      if (const auto* sum = std::get_if<RectifySum>(&steps[s].what)) {
        note(sum->a);
        note(sum->b);
      }
      for (const ValueId value : steps[s].node->outputs) note(value);
    }
  }

  const Program& program;
  std::map<ValueId, ParamId> param_ids;
  std::map<ValueId, NormId> norm_ids;
  std::vector<at::Tensor> constants;
  std::vector<Step> steps;
};

namespace {

// One pass.
class Run {
 public:
  Run(const Program& program, const Weights& weights, Tap& tap, Mode mode)
      : program_(program), weights_(weights), tap_(tap), mode_(mode), frame_(program.values.size()) {}

  Frame& frame() { return frame_; }
  const at::Tensor& tensor(ValueId value) const { return frame_[static_cast<std::size_t>(value)].toTensor(); }
  at::Tensor tensor_or_none(ValueId value) const { return value < 0 ? at::Tensor() : tensor(value); }
  std::int64_t size(const Node& node, const char* name) const {
    const Ref* ref = ref_of(node, name);
    return ref == nullptr ? int_of(node, name, 0) : frame_[static_cast<std::size_t>(ref->value)].toInt();
  }
  void set(const Node& node, IValue value) { frame_[static_cast<std::size_t>(node.outputs[0])] = std::move(value); }

  void operator()(const Node& node, const Linear& s) {
    const at::Tensor& w = tensor(s.w);
    set(node, tap_.linear(s.weight, in_dtype(tensor(s.x), w.scalar_type()), w, tensor_or_none(s.bias)));
  }
  void operator()(const Node& node, const Conv& s) {
    const at::Tensor& w = tensor(s.w);
    const at::Tensor x = in_dtype(tensor(s.x), w.scalar_type());
    if (!s.line) return set(node, tap_.conv(s.weight, x, w, tensor_or_none(s.bias), s.geometry));
    set(node, tap_.conv(s.weight, x.unsqueeze(2), w.unsqueeze(2), tensor_or_none(s.bias), s.geometry).squeeze(2));
  }
  void operator()(const Node& node, const Norm& s) {
    const auto mean = static_cast<std::size_t>(2 * s.norm);
    set(node,
        tap_.batch_norm(s.norm, tensor(s.x),
                        {tensor(s.gamma), tensor(s.beta), weights_.moments[mean], weights_.moments[mean + 1], s.eps, s.momentum}, mode_));
  }
  void operator()(const Node& node, const Rectify& s) { set(node, rectified(tensor(s.x))); }
  void operator()(const Node& node, const RectifySum& s) {
    const bool alike = tensor(s.a).sizes() == tensor(s.b).sizes() && tensor(s.a).scalar_type() == tensor(s.b).scalar_type();
    set(node, alike ? rectified_sum(tensor(s.a), tensor(s.b)) : rectified(tensor(s.a).add(tensor(s.b))));
  }
  void operator()(const Node& node, const Size& s) {
    if (s.op == SizeOp::kOf) return set(node, tensor(value_of(node, "self")).size(int_of(node, "dim", 0)));
    const std::int64_t a = size(node, "a"), b = size(node, "b");
    if (s.op == SizeOp::kFloorDiv && b <= 0) throw InputError("divides a size by " + std::to_string(b));
    set(node, s.op == SizeOp::kAdd ? a + b : s.op == SizeOp::kSub ? a - b : s.op == SizeOp::kMul ? a * b : a / b - (a % b < 0 ? 1 : 0));
  }
  void operator()(const Node& node, const Call& s) {
    std::vector<IValue> stack = s.arguments;
    const Converter convert(program_, node);
    for (const Slot& slot : s.slots) stack[slot.position] = convert(slot.name, *slot.arg, slot.type, frame_);
    const bool rounded = s.one_dtype && !weights_.params.empty() && make_one_dtype(stack, weights_.params[0]);
    s.handle.callBoxed(&stack);
    if (stack.size() == 1 && stack[0].isTensorList()) {
      const auto tensors = stack[0].toTensorVector();
      stack.assign(tensors.begin(), tensors.end());
    }
    if (stack.size() < node.outputs.size()) throw InputError("made fewer results than the graph has");
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      IValue& made = stack[i];
      if (rounded && made.isTensor()) made = in_dtype(made.toTensor(), weights_.params[0].scalar_type());
      frame_[static_cast<std::size_t>(node.outputs[i])] = std::move(made);
    }
  }

 private:
  const Program& program_;
  const Weights& weights_;
  Tap& tap_;
  Mode mode_;
  Frame frame_;
};

}  // namespace

Executable::Executable(const Program& program) : impl_(std::make_unique<Impl>(program)) {}
Executable::~Executable() = default;

at::Tensor Executable::run(const at::Tensor& x, const Weights& weights, Tap& tap, Mode mode,
                           const std::function<void(ValueId, const at::Tensor&)>& made) const {
  const Program& program = impl_->program;
  Run run(program, weights, tap, mode);
  Frame& frame = run.frame();
  frame[static_cast<std::size_t>(program.input)] = x;
  for (std::size_t i = 0; i < program.params.size(); ++i) frame[static_cast<std::size_t>(program.params[i])] = weights.params[i];
  for (std::size_t i = 0; i < program.constants.size(); ++i)
    frame[static_cast<std::size_t>(program.constants[i].value)] = impl_->constants[i];
  for (const Step& step : impl_->steps) {
    try {
      std::visit([&](const auto& what) { run(*step.node, what); }, step.what);
      if (made) {
        for (const ValueId value : step.node->outputs) {
          if (program.values[static_cast<std::size_t>(value)].tensor) made(value, run.tensor(value));
        }
      }
    } catch (const c10::Error& error) {
      throw InputError(place(program, *step.node) + ": " + first_line(error.what_without_backtrace()));
    } catch (Error& error) {
      error.within(place(program, *step.node));
      throw;
    }
    for (const ValueId value : step.last_used) frame[static_cast<std::size_t>(value)] = IValue();
  }
  return run.tensor(program.output);
}

}  // namespace coppice::graph
