#include "models/graph/units.h"

#include <algorithm>
#include <array>
#include <map>
#include <tuple>

#include "core/error.h"
#include "models/graph/operators.h"
#include "models/structure_builder.h"

namespace coppice::graph {
namespace {

std::string module_of(const std::string& tensor) {
  const std::size_t dot = tensor.rfind('.');
  return dot == std::string::npos ? tensor : tensor.substr(0, dot);
}

std::int64_t product_of(std::span<const std::int64_t> sizes) {
  std::int64_t product = 1;
  for (const std::int64_t size : sizes) product *= size == kDynamic ? 1 : size;
  return product;
}

}  // namespace

Units::Units(const Program& program) : program_(program), coupling_(couple(program)) {
  find_products();
  find_families();
  find_shares();
}

void Units::find_products() {
  std::map<ValueId, int> params;
  for (std::size_t i = 0; i < program_.params.size(); ++i) params[program_.params[i]] = static_cast<int>(i);
  for (const ValueId param : program_.params) {
    sums_.emplace_back(program_.shape(param).size(), 0);
    makes_.emplace_back(program_.shape(param).size(), 0);
  }
  const std::vector<std::int64_t>& input = program_.shape(program_.input);
  const std::int64_t tokens = program_.input_dtype == DType::kI64 && input.size() > 1 && input[1] > 0 ? input[1] : 1;
  std::vector<int> whole;  // matrices that take patterns
  for (const Node& node : program_.nodes) {
    const Rule rule = operator_of(node.op, "graph").rule;
    const bool transposed = rule == Rule::kTransposedConvolution;
    if (rule != Rule::kLinear && rule != Rule::kConvolution && !transposed && rule != Rule::kEmbedding) continue;
    const Ref* weight = ref_of(node, "weight");
    const auto found = weight == nullptr ? params.end() : params.find(weight->value);
    if (found == params.end() || program_.shape(weight->value).size() < 2) continue;
    const auto param = static_cast<std::size_t>(found->second);
    const std::int64_t groups = rule == Rule::kConvolution ? int_of(node, "groups", 1) : 1;
    if (rule == Rule::kEmbedding) {
      makes_[param][1] = 1;
      continue;
    }
    makes_[param][transposed ? 1 : 0] = 1;
    if (groups == 1) sums_[param][transposed ? 0 : 1] = 1;
    const std::vector<std::int64_t>& out = program_.shape(node.outputs[0]);
    const Ref* x = ref_of(node, "input");
    const std::span<const std::int64_t> positions = rule == Rule::kLinear ? std::span(out).first(std::max<std::size_t>(out.size(), 1) - 1)
                                                    : transposed && x != nullptr
                                                        ? std::span(program_.shape(x->value)).subspan(2)
                                                        : std::span(out).subspan(std::min<std::size_t>(out.size(), 2));
    products_.push_back({found->second, std::max<std::int64_t>(1, product_of(positions) / tokens)});
    if (groups == 1 && !transposed) whole.push_back(static_cast<int>(products_.size()) - 1);
  }
  for (const int index : whole) {
    const Product& use = products_[static_cast<std::size_t>(index)];
    const auto known =
        std::find_if(structure_.matrices.begin(), structure_.matrices.end(), [&](const PatternMatrix& m) { return m.tensor == use.param; });
    if (known != structure_.matrices.end()) {
      known->macs_per_weight += use.positions;
      continue;
    }
    const std::vector<std::int64_t>& shape = program_.shape(program_.params[static_cast<std::size_t>(use.param)]);
    structure_.matrices.push_back({use.param, shape[0], product_of(shape) / std::max<std::int64_t>(shape[0], 1), use.positions,
                                   index == whole.front() || index == whole.back()});
  }
}

void Units::find_families() {
  std::map<ValueId, std::pair<ArenaId, int>> tensors;
  for (std::size_t i = 0; i < program_.params.size(); ++i) tensors[program_.params[i]] = {ArenaId::kBase, static_cast<int>(i)};
  for (std::size_t i = 0; i < program_.moments.size(); ++i) {
    tensors[program_.moments[i].mean] = {ArenaId::kMoments, static_cast<int>(2 * i)};
    tensors[program_.moments[i].variance] = {ArenaId::kMoments, static_cast<int>(2 * i + 1)};
  }
  // By root, hence by each unit's first place.
  std::map<Place, std::vector<Slice>> units;
  for (const Origin& origin : coupling_.origins) {
    const auto [arena, tensor] = tensors.at(origin.tensor);
    const auto dim = static_cast<std::size_t>(origin.dim);
    const bool scored = arena == ArenaId::kBase && sums_[static_cast<std::size_t>(tensor)][dim] == 0;
    for (std::int64_t i = 0; i < origin.count; ++i) {
      const Place place = origin.first + static_cast<Place>(i);
      if (coupling_.sets.held(place)) continue;
      std::vector<Slice>& slices = units[coupling_.sets.root(place)];
      const bool goes_on = !slices.empty() && slices.back().arena == arena && slices.back().tensor == tensor &&
                           slices.back().dim == origin.dim && slices.back().end == i;
      if (goes_on) {
        slices.back().end += 1;
      } else {
        slices.push_back({arena, tensor, origin.dim, i, i + 1, scored});
      }
    }
  }
  using Signature = std::vector<std::tuple<ArenaId, int, int, std::int64_t>>;
  std::map<Signature, std::size_t> known;
  std::vector<std::vector<std::pair<Place, const std::vector<Slice>*>>> families;
  std::vector<coppice::Family> declared;
  std::map<std::string, int> names;
  for (const auto& [root, slices] : units) {
    Signature signature;
    const Slice* maker = nullptr;
    std::int64_t made = 0;
    for (const Slice& slice : slices) {
      const bool more = !signature.empty() && std::get<0>(signature.back()) == slice.arena &&
                        std::get<1>(signature.back()) == slice.tensor && std::get<2>(signature.back()) == slice.dim;
      if (more) std::get<3>(signature.back()) += slice.end - slice.begin;
      if (!more) signature.emplace_back(slice.arena, slice.tensor, slice.dim, slice.end - slice.begin);
      const bool makes =
          slice.arena == ArenaId::kBase && makes_[static_cast<std::size_t>(slice.tensor)][static_cast<std::size_t>(slice.dim)] != 0;
      if (makes && maker == nullptr) maker = &slice;
      if (makes && maker->tensor == slice.tensor && maker->dim == slice.dim) made += slice.end - slice.begin;
    }
    if (maker == nullptr) continue;
    const auto [at, fresh] = known.emplace(signature, families.size());
    if (fresh) {
      const ValueId tensor = program_.params[static_cast<std::size_t>(maker->tensor)];
      std::string name = module_of(program_.name(tensor));
      if (const int before = names[name]++; before > 0) name += "#" + std::to_string(before + 1);
      const bool image = program_.shape(tensor).size() > 2;
      declared.push_back({.name = std::move(name), .kind = image ? "channel" : made > 1 ? "head" : "neuron"});
      families.emplace_back();
    }
    families[at->second].emplace_back(root, &slices);
  }
  for (std::size_t f = 0; f < families.size(); ++f) {
    declared[f].first_group = static_cast<int>(structure_.groups.size());
    declared[f].num_groups = static_cast<int>(families[f].size());
    structure_.families.push_back(declared[f]);
    for (std::size_t unit = 0; unit < families[f].size(); ++unit) {
      structure_.groups.push_back({static_cast<int>(f), static_cast<int>(unit), *families[f][unit].second});
      roots_.push_back(families[f][unit].first);
    }
  }
  structure_.barriers = coupling_.barriers;
}

void Units::find_shares() {
  for (const ValueId param : program_.params) {
    first_dims_.push_back(sizes_.size());
    const std::vector<std::int64_t>& shape = program_.shape(param);
    sizes_.insert(sizes_.end(), shape.begin(), shape.end());
  }
  first_dims_.push_back(sizes_.size());
  for (const coppice::Family& family : structure_.families) {
    std::vector<Share>& shares = shares_.emplace_back();
    for (const Slice& slice : structure_.groups[static_cast<std::size_t>(family.first_group)].slices) {
      if (slice.arena != ArenaId::kBase) continue;
      shares.push_back({first_dims_[static_cast<std::size_t>(slice.tensor)] + static_cast<std::size_t>(slice.dim), slice.end - slice.begin});
    }
  }
}

Cost Units::cost(std::span<const std::int64_t> widths) const {
  check_widths(widths, structure_.full_widths());
  std::vector<std::int64_t> sizes = sizes_;
  for (std::size_t f = 0; f < widths.size(); ++f) {
    for (const Share& share : shares_[f]) sizes[share.dim] -= share.size * (structure_.families[f].num_groups - widths[f]);
  }
  const auto numel = [this, &sizes](std::size_t param) {
    return product_of(std::span(sizes).subspan(first_dims_[param], first_dims_[param + 1] - first_dims_[param]));
  };
  Cost cost;
  for (std::size_t param = 0; param + 1 < first_dims_.size(); ++param) cost.params += numel(param);
  for (const Product& product : products_) cost.macs += numel(static_cast<std::size_t>(product.param)) * product.positions;
  return cost;
}

std::int64_t Units::left(const Places& places, std::int64_t size, const std::vector<char>& dropped) const {
  if (places == nullptr) return size;
  return std::count_if(places->begin(), places->end(),
                       [&](Place p) { return dropped[static_cast<std::size_t>(coupling_.sets.root(p))] == 0; });
}

Program Units::without(std::span<const std::uint8_t> kept) const {
  kept_widths(structure_, kept);  // throws
  std::vector<char> dropped(coupling_.sets.size(), 0);
  for (std::size_t g = 0; g < kept.size(); ++g) dropped[static_cast<std::size_t>(roots_[g])] = kept[g] == 0 ? 1 : 0;
  Program small = program_;
  for (std::size_t v = 0; v < small.values.size(); ++v) {
    for (std::size_t d = 0; d < small.values[v].shape.size(); ++d) {
      small.values[v].shape[d] = left(coupling_.dims[v][d], small.values[v].shape[d], dropped);
    }
  }
  for (Node& node : small.nodes) {
    bool same = true;
    const auto compare = [&](ValueId value) { same = same && small.shape(value) == program_.shape(value); };
    for_each_ref(node, compare);
    std::for_each(node.outputs.begin(), node.outputs.end(), compare);
    if (same) continue;
    const Rule rule = operator_of(node.op, "graph").rule;
    const auto operand = [&](const char* name) { return static_cast<std::size_t>(ref_of(node, name)->value); };
    const auto cut = [&](const char* name, std::size_t d) { return coupling_.dims[operand(name)][d]; };
    const auto wrapped = [](std::int64_t dim, std::size_t rank) {
      return static_cast<std::size_t>(dim < 0 ? dim + static_cast<std::int64_t>(rank) : dim);
    };
    if (rule == Rule::kReshape || rule == Rule::kExpand) {
      Arg* sizes = nullptr;
      for (auto& [name, arg] : node.args) sizes = name == "shape" || name == "size" ? &arg : sizes;
      auto* held = sizes == nullptr ? nullptr : std::get_if<List>(&sizes->held);
      if (held == nullptr) continue;  // flatten
      List& list = *held;
      const std::vector<std::int64_t>& shape = small.shape(node.outputs[0]);
      for (std::size_t d = 0; d < list.size() && d < shape.size(); ++d) {
        auto* size = std::get_if<std::int64_t>(&list[d].held);
        if (size != nullptr && *size >= 0 && shape[d] >= 0) *size = shape[d];
      }
    } else if (rule == Rule::kSplit) {
      const std::size_t d = wrapped(int_of(node, "dim", 0), small.shape(node.outputs[0]).size());
      List list;
      for (const ValueId part : node.outputs) list.push_back({small.shape(part)[d]});
      node.set("split_sizes", {std::move(list)});
    } else if (rule == Rule::kSlice) {
      const std::size_t d = wrapped(int_of(node, "dim", 0), small.shape(node.outputs[0]).size());
      const Places whole = cut("self", d);
      if (whole == nullptr) continue;
      const auto size = static_cast<std::int64_t>(whole->size());
      const std::int64_t asked = int_of(node, "start", 0), start = std::clamp<std::int64_t>(asked < 0 ? asked + size : asked, 0, size);
      const auto before = std::make_shared<const std::vector<Place>>(whole->begin(), whole->begin() + start);
      const std::int64_t first = left(before, start, dropped);
      node.set("start", {first});
      node.set("end", {first + small.shape(node.outputs[0])[d]});
    } else if (rule == Rule::kPad) {
      std::vector<std::int64_t> pads = ints_of(node, "pad", {});
      const std::size_t rank = small.shape(node.outputs[0]).size();
      for (std::size_t p = 0; p + 1 < pads.size(); p += 2) {
        const std::size_t d = rank - 1 - p / 2;
        const Places padded = coupling_.dims[static_cast<std::size_t>(node.outputs[0])][d];
        if (padded == nullptr) continue;
        const auto front = std::make_shared<const std::vector<Place>>(padded->begin(), padded->begin() + pads[p]);
        const auto back = std::make_shared<const std::vector<Place>>(padded->end() - pads[p + 1], padded->end());
        pads[p] = left(front, pads[p], dropped);
        pads[p + 1] = left(back, pads[p + 1], dropped);
      }
      List list;
      for (const std::int64_t pad : pads) list.push_back({pad});
      node.set("pad", {std::move(list)});
    } else if (rule == Rule::kConvolution && int_of(node, "groups", 1) != 1) {
      const std::int64_t groups = int_of(node, "groups", 1);
      const std::size_t x = operand("input");
      if (program_.values[x].shape.size() > 1 && groups == program_.values[x].shape[1]) node.set("groups", {small.values[x].shape[1]});
    }
  }
  return small;
}

}  // namespace coppice::graph
