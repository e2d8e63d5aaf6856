#include "models/graph/program.h"

#include <algorithm>

#include "core/error.h"

namespace coppice::graph {

const Arg* Node::find(std::string_view name) const {
  const auto found = std::find_if(args.begin(), args.end(), [&](const auto& arg) { return arg.first == name; });
  return found == args.end() ? nullptr : &found->second;
}

Arg& Node::set(std::string_view name, Arg value) {
  for (auto& [key, held] : args) {
    if (key == name) return held = std::move(value);
  }
  return args.emplace_back(std::string(name), std::move(value)).second;
}

void for_each_ref(const Arg& arg, const std::function<void(ValueId)>& visit) {
  if (const auto* ref = std::get_if<Ref>(&arg.held)) visit(ref->value);
  if (const auto* list = std::get_if<List>(&arg.held)) {
    for (const Arg& item : *list) for_each_ref(item, visit);
  }
}

void for_each_ref(const Node& node, const std::function<void(ValueId)>& visit) {
  for (const auto& [name, arg] : node.args) for_each_ref(arg, visit);
}

void replace_refs(Arg& arg, const std::function<ValueId(ValueId)>& other) {
  if (auto* ref = std::get_if<Ref>(&arg.held)) ref->value = other(ref->value);
  if (auto* list = std::get_if<List>(&arg.held)) {
    for (Arg& item : *list) replace_refs(item, other);
  }
}

const Ref* ref_of(const Node& node, std::string_view name) {
  const Arg* arg = node.find(name);
  return arg == nullptr ? nullptr : std::get_if<Ref>(&arg->held);
}

std::int64_t int_of(const Node& node, std::string_view name, std::int64_t otherwise) {
  const Arg* arg = node.find(name);
  if (arg == nullptr || std::holds_alternative<std::monostate>(arg->held)) return otherwise;
  if (const auto* number = std::get_if<std::int64_t>(&arg->held)) return *number;
  throw InputError(node.op + ": argument '" + std::string(name) + "': expected a whole number");
}

std::vector<std::int64_t> ints_of(const Node& node, std::string_view name, std::vector<std::int64_t> otherwise) {
  const Arg* arg = node.find(name);
  if (arg == nullptr || std::holds_alternative<std::monostate>(arg->held)) return otherwise;
  if (const auto* number = std::get_if<std::int64_t>(&arg->held)) return {*number};
  const auto* list = std::get_if<List>(&arg->held);
  std::vector<std::int64_t> numbers;
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    const auto* number = std::get_if<std::int64_t>(&(*list)[i].held);
    if (number == nullptr) break;
    numbers.push_back(*number);
  }
  if (list == nullptr || numbers.size() != list->size()) {
    throw InputError(node.op + ": argument '" + std::string(name) + "': expected whole numbers");
  }
  return numbers;
}

Program without_dead_code(const Program& program) {
  std::vector<char> used(program.values.size(), 0);
  std::vector<char> alive(program.nodes.size(), 0);
  used[static_cast<std::size_t>(program.output)] = used[static_cast<std::size_t>(program.input)] = 1;
  for (std::size_t n = program.nodes.size(); n-- > 0;) {
    const Node& node = program.nodes[n];
    const auto is_used = [&](ValueId value) { return used[static_cast<std::size_t>(value)] != 0; };
    if (std::none_of(node.outputs.begin(), node.outputs.end(), is_used)) continue;
    alive[n] = 1;
    for_each_ref(node, [&](ValueId value) { used[static_cast<std::size_t>(value)] = 1; });
    for (const ValueId value : node.outputs) used[static_cast<std::size_t>(value)] = 1;
  }
  Program small;
  small.input_dtype = program.input_dtype;
  std::vector<ValueId> ids(program.values.size(), -1);
  for (std::size_t i = 0; i < used.size(); ++i) {
    if (used[i] == 0) continue;
    ids[i] = static_cast<ValueId>(small.values.size());
    small.values.push_back(program.values[i]);
  }
  const auto id = [&](ValueId value) { return ids[static_cast<std::size_t>(value)]; };
  small.input = id(program.input);
  small.output = id(program.output);
  for (const ValueId param : program.params) {
    if (id(param) >= 0) small.params.push_back(id(param));
  }
  for (const Moments& moments : program.moments) {
    if (id(moments.mean) >= 0) small.moments.push_back({id(moments.mean), id(moments.variance)});
  }
  for (const Constant& constant : program.constants) {
    if (id(constant.value) >= 0) small.constants.push_back({id(constant.value), constant.dtype, constant.bytes});
  }
  for (std::size_t n = 0; n < program.nodes.size(); ++n) {
    if (alive[n] == 0) continue;
    Node node = program.nodes[n];
    for (auto& [name, arg] : node.args) replace_refs(arg, id);
    for (ValueId& value : node.outputs) value = id(value);
    small.nodes.push_back(std::move(node));
  }
  return small;
}

}  // namespace coppice::graph
