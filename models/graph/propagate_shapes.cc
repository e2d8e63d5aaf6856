#include <algorithm>
#include <memory>
#include <numeric>
#include <set>

#include "core/error.h"
#include "models/graph/propagation.h"

namespace coppice::graph {

bool Propagation::reshape(const Node& node) {
  const ValueId x = need(node, "self"), out = node.outputs[0];
  const auto &from = shape(x), &to = shape(out);
  std::size_t i = from.size(), j = to.size();
  while (i > 0 && j > 0) {
    if (from[i - 1] == kDynamic || to[j - 1] == kDynamic) {
      if (from[i - 1] != to[j - 1]) break;
      i -= 1;
      j -= 1;
      continue;
    }
    std::size_t first = i - 1, start = j - 1;
    std::int64_t a = from[first], b = to[start];
    while (a != b) {
      if (a < b) {
        if (first == 0 || from[first - 1] == kDynamic || __builtin_mul_overflow(a, from[--first], &a)) return false;
      } else {
        if (start == 0 || to[start - 1] == kDynamic || __builtin_mul_overflow(b, to[--start], &b)) return false;
      }
    }
    regroup(node, x, first, i, out, start, j);
    i = first;
    j = start;
  }
  for (; i > 0; --i) hold(dims(x)[i - 1]);
  return true;
}

void Propagation::regroup(const Node& node, ValueId x, std::size_t first, std::size_t last, ValueId out, std::size_t start,
                          std::size_t end) {
  if (last - first == 1 && end - start == 1) return set(out, start, dims(x)[first]);
  if (last - first == 1) return divide(node, dims(x)[first], out, start, end);
  std::size_t lead = last;
  for (std::size_t d = first; d < last; ++d) {
    if (dims(x)[d] == nullptr) continue;
    if (lead == last && end - start == 1) {
      lead = d;
    } else {
      hold(dims(x)[d]);
    }
  }
  if (lead == last) return;
  if (shape(out)[start] > kMostPlaces) return hold(dims(x)[lead]);
  std::int64_t inner = 1;
  for (std::size_t d = lead + 1; d < last; ++d) inner *= shape(x)[d];
  std::vector<Place> places(static_cast<std::size_t>(std::max<std::int64_t>(shape(out)[start], 0)));
  for (std::size_t p = 0; p < places.size(); ++p) places[p] = (*dims(x)[lead])[p / static_cast<std::size_t>(inner) % dims(x)[lead]->size()];
  set(out, start, std::make_shared<const std::vector<Place>>(std::move(places)));
}

void Propagation::divide(const Node& node, const Places& whole, ValueId out, std::size_t start, std::size_t end) {
  std::vector<std::size_t> factors;
  for (std::size_t d = start; d < end; ++d) {
    if (shape(out)[d] > 1) factors.push_back(d);
  }
  if (whole == nullptr) return;
  if (factors.empty()) factors.push_back(start);
  const auto chosen = choices_.find(&node);
  const std::size_t factor = chosen == choices_.end() ? 0 : chosen->second, dim = factors[std::min(factor, factors.size() - 1)];
  std::int64_t inner = 1;
  for (std::size_t d = dim + 1; d < end; ++d) inner *= shape(out)[d];
  std::vector<Place> places(static_cast<std::size_t>(shape(out)[dim]), -1);
  for (std::size_t p = 0; p < whole->size(); ++p) {
    Place& place = places[p / static_cast<std::size_t>(inner) % places.size()];
    if (place < 0) place = (*whole)[p];
    out_.sets.join(place, (*whole)[p]);
  }
  set(out, dim, std::make_shared<const std::vector<Place>>(std::move(places)));
  divided_.push_back({&node, {dims(out)[dim], factor, factors.size()}});
}

bool Propagation::unsqueeze(const Node& node) {
  const ValueId x = need(node, "self"), out = node.outputs[0];
  if (shape(out).size() != shape(x).size() + 1) return false;
  const std::size_t at = wrapped(int_of(node, "dim", 0), shape(out).size());
  for (std::size_t d = 0; d < shape(x).size(); ++d) set(out, d < at ? d : d + 1, dims(x)[d]);
  return true;
}

bool Propagation::squeeze(const Node& node) {
  const ValueId x = need(node, "self"), out = node.outputs[0];
  const std::size_t at = wrapped(int_of(node, "dim", 0), shape(x).size());
  if (shape(x)[at] != 1 || shape(out).size() + 1 != shape(x).size()) return false;
  hold(dims(x)[at]);
  for (std::size_t d = 0; d < shape(out).size(); ++d) set(out, d, dims(x)[d < at ? d : d + 1]);
  return true;
}

bool Propagation::permute(const Node& node) {
  const ValueId x = need(node, "self"), out = node.outputs[0];
  const std::size_t rank = shape(x).size();
  std::vector<std::size_t> order(rank);
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (node.op == "aten.permute.default") {
    const std::vector<std::int64_t> asked = ints_of(node, "dims", {});
    if (asked.size() != rank) return false;
    for (std::size_t d = 0; d < rank; ++d) order[d] = wrapped(asked[d], rank);
  } else if (node.op == "aten.t.default") {
    std::reverse(order.begin(), order.end());
  } else {
    std::swap(order.at(wrapped(int_of(node, "dim0", 0), rank)), order.at(wrapped(int_of(node, "dim1", 1), rank)));
  }
  if (shape(out).size() != rank) return false;
  for (std::size_t d = 0; d < rank; ++d) set(out, d, dims(x)[order[d]]);
  return true;
}

bool Propagation::expand(const Node& node) {
  const ValueId x = need(node, "self"), out = node.outputs[0];
  const std::size_t more = shape(out).size() - shape(x).size();
  if (shape(out).size() < shape(x).size()) return false;
  for (std::size_t d = 0; d < shape(x).size(); ++d) {
    if (shape(x)[d] == shape(out)[d + more]) {
      set(out, d + more, dims(x)[d]);
    } else {
      hold(dims(x)[d]);
    }
  }
  return true;
}

bool Propagation::repeat_interleave(const Node& node) {
  const ValueId x = need(node, "self"), out = node.outputs[0];
  const std::size_t at = wrapped(int_of(node, "dim", 0), shape(x).size());
  const std::int64_t repeats = int_of(node, "repeats", 0);
  if (repeats < 1 || shape(out).size() != shape(x).size()) return false;
  for (std::size_t d = 0; d < shape(x).size(); ++d) {
    if (d != at || dims(x)[d] == nullptr) {
      set(out, d, dims(x)[d]);
      continue;
    }
    if (shape(out)[d] != repeats * shape(x)[d] || shape(out)[d] > kMostPlaces) return false;
    std::vector<Place> places;
    for (const Place place : *dims(x)[d]) places.insert(places.end(), static_cast<std::size_t>(repeats), place);
    set(out, d, std::make_shared<const std::vector<Place>>(std::move(places)));
  }
  return true;
}

bool Propagation::concat(const Node& node) {
  const ValueId out = node.outputs[0];
  const std::size_t at = wrapped(int_of(node, "dim", 0), shape(out).size());
  std::vector<ValueId> parts;
  for_each_ref(node, [&](ValueId value) { parts.push_back(value); });
  std::vector<Place> places;
  bool any = false;
  if (parts.empty()) return false;
  for (const ValueId part : parts) {
    if (shape(part).size() != shape(out).size()) return false;
    any = any || dims(part)[at] != nullptr;
  }
  for (std::size_t d = 0; d < shape(out).size(); ++d) {
    if (d == at) continue;
    for (const ValueId part : parts) join(dims(parts[0])[d], dims(part)[d]);
    set(out, d,
        std::all_of(parts.begin(), parts.end(), [&](ValueId part) { return dims(part)[d] != nullptr; }) ? dims(parts[0])[d] : nullptr);
  }
  for (const ValueId part : parts) {
    if (!any || shape(part)[at] == kDynamic) return !any;
    const Places& own = dims(part)[at];
    if (own != nullptr) {
      places.insert(places.end(), own->begin(), own->end());
      continue;
    }
    const Place first = out_.sets.add(shape(part)[at]);  // places of nothing that could be cut
    for (Place p = first; p < first + shape(part)[at]; ++p) {
      out_.sets.hold(p);
      places.push_back(p);
    }
  }
  set(out, at, std::make_shared<const std::vector<Place>>(std::move(places)));
  return true;
}

bool Propagation::split(const Node& node) {
  const ValueId x = need(node, "self");
  const std::size_t at = wrapped(int_of(node, "dim", 0), shape(x).size());
  std::size_t next = 0;
  for (const ValueId out : node.outputs) {
    if (shape(out).size() != shape(x).size()) return false;
    for (std::size_t d = 0; d < shape(x).size(); ++d) {
      if (d != at || dims(x)[d] == nullptr) {
        set(out, d, dims(x)[d]);
        continue;
      }
      if (shape(out)[d] < 0) return false;
      const auto count = static_cast<std::size_t>(shape(out)[d]);
      if (next + count > dims(x)[d]->size()) return false;
      const auto first = dims(x)[d]->begin() + static_cast<std::ptrdiff_t>(next);
      set(out, d, std::make_shared<const std::vector<Place>>(first, first + static_cast<std::ptrdiff_t>(count)));
      next += count;
    }
  }
  return true;
}

bool Propagation::slice(const Node& node) {
  const ValueId x = need(node, "self"), out = node.outputs[0];
  const std::size_t at = wrapped(int_of(node, "dim", 0), shape(x).size());
  if (shape(out).size() != shape(x).size()) return false;
  for (std::size_t d = 0; d < shape(x).size(); ++d) {
    if (d != at) set(out, d, dims(x)[d]);
  }
  if (dims(x)[at] == nullptr) return true;
  const auto size = static_cast<std::int64_t>(dims(x)[at]->size());
  std::int64_t start = int_of(node, "start", 0), end = int_of(node, "end", size);
  start = std::clamp<std::int64_t>(start < 0 ? start + size : start, 0, size);
  end = std::clamp<std::int64_t>(end < 0 ? end + size : end, start, size);
  if (int_of(node, "step", 1) != 1) return false;
  set(out, at, std::make_shared<const std::vector<Place>>(dims(x)[at]->begin() + start, dims(x)[at]->begin() + end));
  return true;
}

bool Propagation::select(const Node& node) {
  const ValueId x = need(node, "self");
  const std::size_t at = wrapped(int_of(node, "dim", 0), shape(x).size());
  hold(dims(x)[at]);
  for (const ValueId out : node.outputs) {
    if (shape(out).size() + 1 != shape(x).size()) return false;
    for (std::size_t d = 0; d < shape(out).size(); ++d) set(out, d, dims(x)[d < at ? d : d + 1]);
  }
  return true;
}

bool Propagation::pad(const Node& node) {
  const ValueId x = need(node, "self"), out = node.outputs[0];
  const std::vector<std::int64_t> pads = ints_of(node, "pad", {});
  const std::size_t rank = shape(x).size();
  if (pads.size() % 2 != 0 || pads.size() > 2 * rank || shape(out).size() != rank) return false;
  if (const Arg* mode = node.find("mode"); mode != nullptr) {
    const auto* text = std::get_if<Text>(&mode->held);
    if (text == nullptr || text->text != "constant") return false;
  }
  for (std::size_t d = 0; d < rank; ++d) {
    const std::size_t p = 2 * (rank - 1 - d);
    const std::int64_t before = p < pads.size() ? pads[p] : 0, behind = p < pads.size() ? pads[p + 1] : 0;
    if (dims(x)[d] == nullptr) continue;
    if (before < 0 || behind < 0 || before > shape(out)[d] || behind > shape(out)[d]) return false;
    std::vector<Place> places;
    const auto made = [&](std::int64_t count) {
      const Place first = out_.sets.add(count);
      for (Place place = first; place < first + count; ++place) places.push_back(place);
    };
    made(before);
    places.insert(places.end(), dims(x)[d]->begin(), dims(x)[d]->end());
    made(behind);
    set(out, d, std::make_shared<const std::vector<Place>>(std::move(places)));
  }
  return true;
}

}  // namespace coppice::graph
