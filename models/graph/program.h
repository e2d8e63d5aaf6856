// A network as a list of operations on named values: what models/graph reads, runs, looks through and cuts. Functional (no
// operation writes into a value) and without autograd, layouts or devices; torch-free.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/block.h"

namespace coppice::graph {

using ValueId = int;
constexpr std::int64_t kDynamic = -1;  // a size that differs from batch to batch

struct Value {
  std::string name;                 // unique
  bool tensor = true;               // else a size: a whole number known when the graph runs
  std::vector<std::int64_t> shape;  // of a tensor; kDynamic where the batch decides
};

struct Ref {
  ValueId value = 0;
  bool operator==(const Ref&) const = default;
};
struct Text {
  std::string text;
};
struct Arg;
using List = std::vector<Arg>;
struct Arg {
  std::variant<std::monostate, bool, std::int64_t, double, Text, DType, Ref, List> held;
};

struct Node {
  std::string op;                                 // "aten.conv2d.default"
  std::vector<std::pair<std::string, Arg>> args;  // by the names of the operator's schema; what is absent has its default
  std::vector<ValueId> outputs;

  const Arg* find(std::string_view name) const;  // nullptr where absent
  Arg& set(std::string_view name, Arg value);    // replaces or adds
};

// A buffer that no training changes: a mask, a table of positions.
struct Constant {
  ValueId value = 0;
  DType dtype = DType::kF32;
  std::vector<std::byte> bytes;
};

// A batch norm's running statistics, in the order of the moments arena.
struct Moments {
  ValueId mean = 0;
  ValueId variance = 0;
};

struct Program {
  std::vector<Value> values;
  ValueId input = 0;
  DType input_dtype = DType::kF32;  // or kI64
  std::vector<ValueId> params;      // in the order of the base arena; matrices that a product takes are [outputs, inputs]
  std::vector<Moments> moments;
  std::vector<Constant> constants;
  std::vector<Node> nodes;  // every argument stands before its use
  ValueId output = 0;       // logits

  const std::vector<std::int64_t>& shape(ValueId value) const { return values[static_cast<std::size_t>(value)].shape; }
  const std::string& name(ValueId value) const { return values[static_cast<std::size_t>(value)].name; }
};

// Values that an argument, or a node's arguments, refer to.
void for_each_ref(const Arg& arg, const std::function<void(ValueId)>& visit);
void for_each_ref(const Node& node, const std::function<void(ValueId)>& visit);
// Puts other values in their place.
void replace_refs(Arg& arg, const std::function<ValueId(ValueId)>& other);

const Ref* ref_of(const Node& node, std::string_view name);                            // nullptr where absent or no value
std::int64_t int_of(const Node& node, std::string_view name, std::int64_t otherwise);  // throws InputError on another type
std::vector<std::int64_t> ints_of(const Node& node, std::string_view name, std::vector<std::int64_t> otherwise);

// Keeps what the output needs: nodes, parameters, moments, constants and values that nothing reads are gone, ids are new.
Program without_dead_code(const Program& program);

}  // namespace coppice::graph
