// How couple() (coupling.h) follows a graph: one method an operation's rule. The rules of products and norms are in
// propagate_products.cc, those of shapes in propagate_shapes.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "models/graph/coupling.h"
#include "models/graph/operators.h"
#include "models/graph/program.h"

namespace coppice::graph {

using Dims = std::vector<Places>;
// Of a dim that a reshape divides, the factor whose places are kept apart.
using Choices = std::map<const Node*, std::size_t>;
constexpr std::int64_t kMostPlaces = std::int64_t{1} << 26;

class Propagation {
 public:
  Propagation(const Program& program, const Choices& choices);
  Coupling take() { return std::move(out_); }
  // Reshapes whose choice kept nothing apart, with another to try.
  Choices undecided() const;

 private:
  struct Divided {
    Places places;
    std::size_t factor;
    std::size_t factors;
  };
  void originate(ValueId tensor);
  static Places range(Place first, std::int64_t count);
  Dims& dims(ValueId value) { return out_.dims[static_cast<std::size_t>(value)]; }
  const std::vector<std::int64_t>& shape(ValueId value) const { return program_.shape(value); }
  // A dim's places must be as many as its size; else the graph's shapes lie, and the places are held.
  void set(ValueId value, std::size_t dim, Places places);
  void hold(const Places& places);
  void hold_all(ValueId value);
  void join(const Places& a, const Places& b);
  // -1 where the node has no such tensor.
  static ValueId arg(const Node& node, const char* name);
  static ValueId need(const Node& node, const char* name);
  static std::size_t wrapped(std::int64_t dim, std::size_t count);
  void follow(const Node& node);
  void barrier(const Node& node);
  bool apply(const Node& node, Rule rule);
  bool elementwise(const Node& node);
  void join_bias(const Node& node, const Places& outputs);
  bool linear(const Node& node);
  bool convolution(const Node& node);
  bool transposed_convolution(const Node& node);
  bool batch_norm(const Node& node);
  // A norm over the last dims.
  bool last_dims(const Node& node);
  // The result has the operand's dims; those that `kept` does not name stay whole.
  template <class Kept>
  bool keep(const Node& node, const Kept& kept) {
    const ValueId x = arg(node, node.find("input") != nullptr ? "input" : "self"), out = node.outputs[0];
    if (x < 0 || shape(out).size() != shape(x).size() || node.outputs.size() != 1) return false;
    for (std::size_t d = 0; d < shape(x).size(); ++d) {
      if (kept(d)) {
        set(out, d, dims(x)[d]);
      } else {
        hold(dims(x)[d]);
      }
    }
    return true;
  }
  bool reduce(const Node& node);
  // Dims from the right: runs of them with one product belong together; sizes that the batch decides pair off.
  bool reshape(const Node& node);
  // Dims [first, last) of x become dims [start, end) of out.
  void regroup(const Node& node, ValueId x, std::size_t first, std::size_t last, ValueId out, std::size_t start, std::size_t end);
  // One dim into several: its places are joined by the index of one factor, the others stay whole.
  void divide(const Node& node, const Places& whole, ValueId out, std::size_t start, std::size_t end);
  bool unsqueeze(const Node& node);
  bool squeeze(const Node& node);
  bool permute(const Node& node);
  bool expand(const Node& node);
  bool repeat_interleave(const Node& node);
  bool concat(const Node& node);
  bool split(const Node& node);
  bool slice(const Node& node);
  bool select(const Node& node);
  bool pad(const Node& node);
  bool embedding(const Node& node);
  // Sums over a dim: one that vanishes there would have to be zero, which nothing here knows.
  bool matmul(const Node& node);
  bool attention(const Node& node);
  // Several query heads may share one of keys and values.
  void join_heads(const Places& queries, const Places& shared);
  const Program& program_;
  const Choices& choices_;
  Coupling out_;
  std::vector<std::pair<const Node*, Divided>> divided_;
};

}  // namespace coppice::graph
