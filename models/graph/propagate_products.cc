#include <algorithm>
#include <memory>
#include <numeric>
#include <set>

#include "core/error.h"
#include "models/graph/propagation.h"

namespace coppice::graph {

void Propagation::join_bias(const Node& node, const Places& outputs) {
  if (const ValueId bias = arg(node, "bias"); bias >= 0 && !dims(bias).empty()) join(dims(bias)[0], outputs);
}

bool Propagation::linear(const Node& node) {
  const ValueId x = arg(node, "input"), w = arg(node, "weight"), out = node.outputs[0];
  if (x < 0 || w < 0 || shape(w).size() != 2 || shape(x).empty() || shape(out).size() != shape(x).size()) return false;
  join(dims(x).back(), dims(w)[1]);
  for (std::size_t d = 0; d + 1 < shape(x).size(); ++d) set(out, d, dims(x)[d]);
  set(out, shape(out).size() - 1, dims(w)[0]);
  join_bias(node, dims(w)[0]);
  return true;
}

bool Propagation::convolution(const Node& node) {
  const ValueId x = arg(node, "input"), w = arg(node, "weight"), out = node.outputs[0];
  if (x < 0 || w < 0 || shape(w).size() < 3 || shape(x).size() != shape(w).size() || shape(out).size() != shape(x).size()) return false;
  const std::int64_t groups = int_of(node, "groups", 1), inputs = shape(x)[1], outputs = shape(w)[0];
  for (std::size_t d = 2; d < shape(w).size(); ++d) hold(dims(w)[d]);
  if (groups == 1) {
    join(dims(x)[1], dims(w)[1]);
  } else if (groups == inputs && dims(x)[1] != nullptr && outputs % groups == 0 && dims(w)[0] != nullptr) {  // each channel on its own
    for (std::int64_t o = 0; o < outputs; ++o)
      out_.sets.join((*dims(w)[0])[static_cast<std::size_t>(o)], (*dims(x)[1])[static_cast<std::size_t>(o / (outputs / groups))]);
    hold(dims(w)[1]);
  } else {
    return false;
  }
  join_bias(node, dims(w)[0]);
  set(out, 1, dims(w)[0]);
  return true;
}

bool Propagation::transposed_convolution(const Node& node) {
  const ValueId x = arg(node, "input"), w = arg(node, "weight"), out = node.outputs[0];
  if (x < 0 || w < 0 || shape(w).size() != 4 || shape(x).size() != 4 || shape(out).size() != 4 || int_of(node, "groups", 1) != 1)
    return false;
  hold(dims(w)[2]);
  hold(dims(w)[3]);
  join(dims(x)[1], dims(w)[0]);
  join_bias(node, dims(w)[1]);
  set(out, 1, dims(w)[1]);
  return true;
}

bool Propagation::batch_norm(const Node& node) {
  const ValueId x = arg(node, "input"), out = node.outputs[0];
  if (x < 0 || shape(x).size() < 2 || shape(out) != shape(x)) return false;
  for (const char* name : {"weight", "bias", "running_mean", "running_var"}) {
    const ValueId value = arg(node, name);
    if (value < 0 || shape(value).size() != 1) return false;
    join(dims(x)[1], dims(value)[0]);
  }
  return keep(node, [](std::size_t d) { return d == 1; });
}

bool Propagation::last_dims(const Node& node) {
  const std::size_t rank = shape(need(node, "input")).size(), count = ints_of(node, "normalized_shape", {}).size();
  for (const char* name : {"weight", "bias"}) {
    if (const ValueId value = arg(node, name); value >= 0) hold_all(value);
  }
  return keep(node, [&](std::size_t d) { return d + count < rank; });
}

bool Propagation::reduce(const Node& node) {
  const ValueId x = need(node, "self"), out = node.outputs[0];
  std::set<std::size_t> gone;
  for (const std::int64_t dim : ints_of(node, "dim", {})) gone.insert(wrapped(dim, shape(x).size()));
  if (gone.empty()) return false;
  const bool keeps = shape(out).size() == shape(x).size();
  for (std::size_t d = 0, at = 0; d < shape(x).size(); ++d) {
    if (gone.contains(d)) {
      hold(dims(x)[d]);
      at += keeps ? 1 : 0;
    } else {
      if (at >= shape(out).size()) return false;
      set(out, at++, dims(x)[d]);
    }
  }
  return true;
}

bool Propagation::embedding(const Node& node) {
  const ValueId w = arg(node, "weight"), out = node.outputs[0];
  if (w < 0 || shape(w).size() != 2 || shape(out).empty()) return false;
  hold(dims(w)[0]);
  set(out, shape(out).size() - 1, dims(w)[1]);
  return true;
}

bool Propagation::matmul(const Node& node) {
  const ValueId a = need(node, "self"), b = need(node, "other"), out = node.outputs[0];
  const std::size_t rank = shape(out).size();
  if (shape(a).size() < 2 || shape(a).size() != shape(b).size() || rank != shape(a).size()) return false;
  hold(dims(a).back());
  hold(dims(b)[rank - 2]);
  for (std::size_t d = 0; d + 2 < rank; ++d) {
    if (shape(a)[d] != shape(b)[d]) return false;
    join(dims(a)[d], dims(b)[d]);
    set(out, d, dims(a)[d] == nullptr || dims(b)[d] == nullptr ? nullptr : dims(a)[d]);
  }
  set(out, rank - 2, dims(a)[rank - 2]);
  set(out, rank - 1, dims(b).back());
  return true;
}

bool Propagation::attention(const Node& node) {
  const ValueId q = arg(node, "query"), k = arg(node, "key"), v = arg(node, "value"), mask = arg(node, "attn_mask"), out = node.outputs[0];
  if (q < 0 || k < 0 || v < 0) return false;
  const std::size_t rank = shape(q).size();
  for (const ValueId other : {k, v, out}) {
    if (shape(other).size() != rank || rank < 3) return false;
  }
  for (const ValueId value : {q, k, v}) {
    hold(dims(value)[rank - 2]);
    if (value != v) hold(dims(value)[rank - 1]);
  }
  for (std::size_t d = 0; d + 2 < rank; ++d) {
    for (const ValueId other : {k, v}) join_heads(dims(q)[d], dims(other)[d]);
    if (mask >= 0 && shape(mask).size() + d >= rank && shape(mask)[shape(mask).size() + d - rank] == shape(q)[d]) {
      join(dims(q)[d], dims(mask)[shape(mask).size() + d - rank]);
    }
    set(out, d, dims(q)[d]);
  }
  set(out, rank - 1, dims(v)[rank - 1]);
  return true;
}

void Propagation::join_heads(const Places& queries, const Places& shared) {
  if (queries == nullptr || shared == nullptr || shared->empty() || queries->size() % shared->size() != 0) return join(queries, shared);
  const std::size_t each = queries->size() / shared->size();
  for (std::size_t h = 0; h < queries->size(); ++h) out_.sets.join((*queries)[h], (*shared)[h / each]);
}

}  // namespace coppice::graph
