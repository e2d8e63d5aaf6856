#include "models/graph/coupling.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/error.h"
#include "models/graph/propagation.h"

namespace coppice::graph {
Place PlaceSets::add(std::int64_t count) {
  if (count < 0 || static_cast<std::int64_t>(parent_.size()) + count > kMostPlaces)
    throw InputError("a graph with more than 2^26 places along its tensors");
  const auto first = static_cast<Place>(parent_.size());
  parent_.resize(parent_.size() + static_cast<std::size_t>(count));
  std::iota(parent_.begin() + first, parent_.end(), first);
  held_.resize(parent_.size(), 0);
  return first;
}

Place PlaceSets::root(Place place) const {
  while (parent_[static_cast<std::size_t>(place)] != place) {
    Place& up = parent_[static_cast<std::size_t>(place)];
    up = parent_[static_cast<std::size_t>(up)];
    place = up;
  }
  return place;
}

void PlaceSets::join(Place a, Place b) {
  const auto [low, high] = std::minmax({root(a), root(b)});
  if (low == high) return;
  parent_[static_cast<std::size_t>(high)] = low;
  held_[static_cast<std::size_t>(low)] |= held_[static_cast<std::size_t>(high)];
}

Propagation::Propagation(const Program& program, const Choices& choices) : program_(program), choices_(choices) {
  out_.dims.resize(program.values.size());
  for (std::size_t v = 0; v < program.values.size(); ++v) out_.dims[v].resize(program.values[v].shape.size());
  for (const ValueId param : program.params) originate(param);
  for (const Moments& moments : program.moments) {
    originate(moments.mean);
    originate(moments.variance);
  }
  for (const Node& node : program.nodes) follow(node);
  for (const Places& places : dims(program.output)) hold(places);
}

void Propagation::originate(ValueId tensor) {
  for (std::size_t d = 0; d < program_.shape(tensor).size(); ++d) {
    const std::int64_t count = program_.shape(tensor)[d];
    const Place first = out_.sets.add(count);
    out_.origins.push_back({tensor, static_cast<int>(d), first, count});
    set(tensor, d, range(first, count));
  }
}

Places Propagation::range(Place first, std::int64_t count) {
  std::vector<Place> places(static_cast<std::size_t>(count));
  std::iota(places.begin(), places.end(), first);
  return std::make_shared<const std::vector<Place>>(std::move(places));
}

void Propagation::set(ValueId value, std::size_t dim, Places places) {
  if (places != nullptr && static_cast<std::int64_t>(places->size()) != shape(value)[dim]) {
    hold(places);
    places = nullptr;
  }
  dims(value)[dim] = std::move(places);
}

void Propagation::hold(const Places& places) {
  if (places == nullptr) return;
  for (const Place place : *places) out_.sets.hold(place);
}

void Propagation::hold_all(ValueId value) {
  for (const Places& places : dims(value)) hold(places);
}

void Propagation::join(const Places& a, const Places& b) {
  if (a == b) return;
  if (a == nullptr || b == nullptr || a->size() != b->size()) {
    hold(a);
    hold(b);
    return;
  }
  for (std::size_t i = 0; i < a->size(); ++i) out_.sets.join((*a)[i], (*b)[i]);
}

ValueId Propagation::arg(const Node& node, const char* name) {
  const Ref* ref = ref_of(node, name);
  return ref == nullptr ? -1 : ref->value;
}

ValueId Propagation::need(const Node& node, const char* name) {
  const ValueId value = arg(node, name);
  if (value < 0) throw InputError("a tensor is missing");
  return value;
}

std::size_t Propagation::wrapped(std::int64_t dim, std::size_t count) {
  const std::int64_t positive = dim < 0 ? dim + static_cast<std::int64_t>(count) : dim;
  if (positive < 0 || positive >= static_cast<std::int64_t>(count)) throw InputError("a dim that the tensor does not have");
  return static_cast<std::size_t>(positive);
}

void Propagation::follow(const Node& node) {
  const Operator* op = find_operator(node.op);
  try {
    if (op != nullptr && op->rule != Rule::kBarrier && apply(node, op->rule)) return;
  } catch (const InputError&) {  // an argument that its operation does not have: a pass will say so
  }
  barrier(node);
}

void Propagation::barrier(const Node& node) {
  bool stopped = false;
  for_each_ref(node, [&](ValueId value) {
    for (const Places& places : dims(value)) {
      if (places != nullptr)
        stopped = stopped || std::any_of(places->begin(), places->end(), [this](Place p) { return !out_.sets.held(p); });
      hold(places);
    }
  });
  for (const ValueId value : node.outputs) dims(value).assign(shape(value).size(), nullptr);
  if (stopped) out_.barriers.push_back(program_.name(node.outputs[0]) + " (" + node.op + ")");
}

bool Propagation::apply(const Node& node, Rule rule) {
  switch (rule) {
    case Rule::kElementwise:
      return elementwise(node);
    case Rule::kLinear:
      return linear(node);
    case Rule::kConvolution:
      return convolution(node);
    case Rule::kTransposedConvolution:
      return transposed_convolution(node);
    case Rule::kBatchNorm:
      return batch_norm(node);
    case Rule::kLastDims:
      return last_dims(node);
    case Rule::kReshape:
      return reshape(node);
    case Rule::kUnsqueeze:
      return unsqueeze(node);
    case Rule::kSqueeze:
      return squeeze(node);
    case Rule::kPermute:
      return permute(node);
    case Rule::kExpand:
      return expand(node);
    case Rule::kRepeatInterleave:
      return repeat_interleave(node);
    case Rule::kConcat:
      return concat(node);
    case Rule::kSplit:
      return split(node);
    case Rule::kSlice:
      return slice(node);
    case Rule::kSelect:
      return select(node);
    case Rule::kPad:
      return pad(node);
    case Rule::kPool:
      return keep(node, [](std::size_t d) { return d < 2; });
    case Rule::kReduce:
      return reduce(node);
    case Rule::kAlongDim: {
      const std::size_t dim = wrapped(int_of(node, "dim", -1), shape(need(node, "self")).size());
      return keep(node, [dim](std::size_t d) { return d != dim; });
    }
    case Rule::kEmbedding:
      return embedding(node);
    case Rule::kMatmul:
      return matmul(node);
    case Rule::kAttention:
      return attention(node);
    case Rule::kSource:
    case Rule::kSize:
      return true;
    case Rule::kBarrier:
      break;
  }
  return false;
}

bool Propagation::elementwise(const Node& node) {
  const ValueId out = node.outputs[0];
  const std::size_t rank = shape(out).size();
  for (std::size_t d = 0; d < rank; ++d) {
    const std::int64_t size = shape(out)[d];
    bool first = true, whole = false;
    Places joined;
    std::vector<Places> all;
    for_each_ref(node, [&](ValueId value) {
      const std::vector<std::int64_t>& own = shape(value);
      if (own.size() + d < rank || !program_.values[static_cast<std::size_t>(value)].tensor) return;
      const std::size_t at = own.size() + d - rank;
      if (own[at] != size) return hold(dims(value)[at]);  // broadcast: one place speaks for all
      all.push_back(dims(value)[at]);
      whole = whole || all.back() == nullptr;
      if (first) joined = all.back();
      first = false;
    });
    for (const Places& places : all) whole ? hold(places) : join(joined, places);
    set(out, d, whole ? nullptr : joined);
  }
  return true;
}

Choices Propagation::undecided() const {
  Choices other;
  for (const auto& [node, divided] : divided_) {
    const auto& [places, factor, factors] = divided;
    const bool all_held = std::all_of(places->begin(), places->end(), [this](Place p) { return out_.sets.held(p); });
    if (all_held && factor + 1 < factors) other[node] = factor + 1;
  }
  return other;
}

Coupling couple(const Program& program) {
  constexpr int kMostTries = 4;
  Choices choices;
  for (int attempt = 0;; ++attempt) {
    Propagation propagation(program, choices);
    const Choices other = propagation.undecided();
    if (other.empty() || attempt == kMostTries) return propagation.take();
    for (const auto& [node, factor] : other) choices[node] = factor;
  }
}

}  // namespace coppice::graph
