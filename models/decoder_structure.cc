#include "models/decoder_structure.h"

#include <compare>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "core/error.h"
#include "models/structure_builder.h"

namespace coppice::decoder {
namespace {

using Units = DecoderConfig::Units;

// What tells one layer from another.
struct Shape {
  std::int64_t kv_heads = 0;
  std::int64_t queries_per_kv = 0;
  std::int64_t ffn = 0;
  auto operator<=>(const Shape&) const = default;
};

Shape shape_of(const DecoderConfig& config, std::size_t l) { return {config.kv_heads[l], config.queries_per_kv[l], config.ffn[l]}; }

// Layers that may stand for one another, families by families. The order of shapes does not depend on which layers are there.
std::map<Shape, std::vector<std::size_t>> alike_layers(const DecoderConfig& config) {
  std::map<Shape, std::vector<std::size_t>> alike;
  for (std::size_t l = 0; l < config.kv_heads.size(); ++l) alike[shape_of(config, l)].push_back(l);
  return alike;
}

std::vector<std::int64_t> full_widths(const DecoderConfig& config) {
  std::vector<std::int64_t> widths;
  if (config.booster > 0) return widths;
  if (config.units == Units::kLayers) {
    for (const auto& [shape, layers] : alike_layers(config)) widths.push_back(static_cast<std::int64_t>(layers.size()));
    return widths;
  }
  for (std::size_t l = 0; l < config.kv_heads.size(); ++l) {
    if (config.units == Units::kQueryHeads) {
      widths.insert(widths.end(), static_cast<std::size_t>(config.kv_heads[l]), config.queries_per_kv[l]);
    } else {
      widths.push_back(config.kv_heads[l]);
    }
    widths.push_back(config.ffn[l]);
  }
  return widths;
}

// The layers that are left; whole layers in the order of their families.
std::vector<Shape> shapes_of(const DecoderConfig& config, std::span<const std::int64_t> widths) {
  check_widths(widths, full_widths(config));
  std::vector<Shape> shapes;
  if (config.booster > 0) {
    for (std::size_t l = 0; l < config.kv_heads.size(); ++l) shapes.push_back(shape_of(config, l));
    return shapes;
  }
  if (config.units == Units::kLayers) {
    std::size_t family = 0;
    for (const auto& [shape, layers] : alike_layers(config)) {
      shapes.insert(shapes.end(), static_cast<std::size_t>(widths[family++]), shape);
    }
    return shapes;
  }
  std::size_t next = 0;
  for (std::size_t l = 0; l < config.kv_heads.size(); ++l) {
    Shape shape = shape_of(config, l);
    if (config.units == Units::kQueryHeads) {
      shape.queries_per_kv = widths[next];
      for (std::int64_t g = 0; g < shape.kv_heads; ++g) {
        if (widths[next++] == shape.queries_per_kv) continue;
        throw Error("layers." + std::to_string(l) + ": a KV group keeps " + std::to_string(widths[next - 1]) +
                    " query heads and another " + std::to_string(shape.queries_per_kv) + "; expected equally many");
      }
    } else {
      shape.kv_heads = widths[next++];
    }
    shape.ffn = widths[next++];
    shapes.push_back(shape);
  }
  return shapes;
}

// Rows of a matrix and of its bias.
void add_rows(const Tensors& matrix, std::int64_t unit, std::int64_t width, std::vector<Slice>& slices) {
  slices.push_back(slice_of(matrix.weight, 0, unit, width));
  if (matrix.bias != kNone) slices.push_back(slice_of(matrix.bias, 0, unit, width));
}

std::vector<Slice> kv_group(const Layer& layer, std::int64_t group, std::int64_t head_dim, std::int64_t queries) {
  std::vector<Slice> slices;
  add_rows(layer.query, group, head_dim * queries, slices);
  add_rows(layer.key, group, head_dim, slices);
  add_rows(layer.value, group, head_dim, slices);
  slices.push_back(slice_of(layer.output.weight, 1, group, head_dim * queries));
  return slices;
}

std::vector<Slice> query_head(const Layer& layer, std::int64_t head, std::int64_t head_dim) {
  std::vector<Slice> slices;
  add_rows(layer.query, head, head_dim, slices);
  slices.push_back(slice_of(layer.output.weight, 1, head, head_dim));
  return slices;
}

std::vector<Slice> neuron(const Layer& layer, std::int64_t unit) {
  std::vector<Slice> slices;
  if (layer.gate.weight != kNone) add_rows(layer.gate, unit, 1, slices);
  add_rows(layer.up, unit, 1, slices);
  slices.push_back(slice_of(layer.down.weight, 1, unit));
  return slices;
}

std::vector<Tensors> matrices_of(const Layer& layer) {
  std::vector<Tensors> matrices;
  for (const Tensors& matrix : {layer.query, layer.key, layer.value, layer.output, layer.gate, layer.up, layer.down}) {
    if (matrix.weight != kNone) matrices.push_back(matrix);
  }
  return matrices;
}

// All of a layer's tensors. Norms are not scored: their scales act through the matrices behind them.
std::vector<Slice> whole_layer(const Layer& layer, const ArenaLayout& base) {
  std::vector<Slice> slices;
  for (const Tensors& matrix : matrices_of(layer)) add_rows(matrix, 0, base[matrix.weight].shape[0], slices);
  for (const ParamId norm : {layer.norm_attention.weight, layer.norm_attention.bias, layer.norm_ffn.weight, layer.norm_ffn.bias,
                             layer.norm_query, layer.norm_key}) {
    if (norm != kNone) slices.push_back(slice_of(norm, 0, 0, base[norm].shape[0], false));
  }
  return slices;
}

// Adds families and remembers where their units stand.
class Families {
 public:
  explicit Families(const ArenaLayout& base) : builder_(base) {}

  void add(Family family, const std::vector<std::size_t>& layers, const std::function<std::vector<Slice>(std::int64_t)>& slices_of) {
    for (const std::size_t layer : layers) blocks_.push_back(static_cast<int>(layer) + 1);
    builder_.add_family(std::move(family), static_cast<std::int64_t>(layers.size()), slices_of);
  }
  StructureBuilder& builder() { return builder_; }
  PrunableStructure take() {
    PrunableStructure structure = builder_.take();
    for (std::size_t g = 0; g < blocks_.size(); ++g) structure.groups[g].block = blocks_[g];
    return structure;
  }

 private:
  StructureBuilder builder_;
  std::vector<int> blocks_;  // one a group
};

void add_parts(const DecoderConfig& config, std::size_t l, const Layer& layer, Families& families) {
  const std::string name = "layers." + std::to_string(l) + ".";
  const auto here = [l](std::int64_t units) { return std::vector<std::size_t>(static_cast<std::size_t>(units), l); };
  const std::int64_t head_dim = config.head_dim, queries = config.queries_per_kv[l], kv_heads = config.kv_heads[l];
  // Llama's class wants all heads together to divide the width (hf_decoder.cc).
  const auto divides = [&](std::int64_t sharing) {
    return config.family == DecoderConfig::Family::kLlama && config.dim % sharing == 0 ? config.dim / sharing : 0;
  };
  if (config.units == Units::kQueryHeads) {
    for (std::int64_t g = 0; g < kv_heads; ++g) {
      families.add({.name = name + "kv_group." + std::to_string(g) + ".query_head", .kind = "query_head",
                    .shared_width = "num_attention_heads", .tied = name + "query_head",
                    .plain_divides = divides(kv_heads)},
                   here(queries), [&](std::int64_t unit) { return query_head(layer, g * queries + unit, head_dim); });
    }
  } else {
    families.add({.name = name + "kv_group", .kind = "kv_group", .shared_width = "num_key_value_heads",
                  .plain_divides = divides(queries)},
                 here(kv_heads), [&](std::int64_t unit) { return kv_group(layer, unit, head_dim, queries); });
  }
  families.add({.name = name + "ffn", .kind = "neuron", .shared_width = "intermediate_size"}, here(config.ffn[l]),
               [&](std::int64_t unit) { return neuron(layer, unit); });
}

void add_layers(const DecoderConfig& config, const ArenaLayout& base, std::span<const Layer> layers, Families& families) {
  const auto alike = alike_layers(config);
  for (const auto& [shape, members] : alike) {
    std::string name = "layers";
    if (alike.size() > 1) {
      name += " of " + std::to_string(shape.kv_heads) + " x " + std::to_string(shape.queries_per_kv) + " heads and " +
              std::to_string(shape.ffn) + " neurons";
    }
    families.add({.name = std::move(name), .kind = "layer"}, members,
                 [&](std::int64_t unit) { return whole_layer(layers[members[static_cast<std::size_t>(unit)]], base); });
  }
}

}  // namespace

PrunableStructure structure_of(const DecoderConfig& config, const ArenaLayout& base, std::span<const Layer> layers, ParamId head) {
  Families families(base);
  if (config.units == Units::kLayers && config.booster == 0) {
    add_layers(config, base, layers, families);
  } else if (config.booster == 0) {
    for (std::size_t l = 0; l < layers.size(); ++l) add_parts(config, l, layers[l], families);
  }
  for (const Layer& layer : layers) {
    for (const Tensors& matrix : matrices_of(layer)) families.builder().add_matrix(matrix.weight, 1, false);
  }
  families.builder().add_matrix(head, 1, true);
  return families.take();
}

Cost cost_of(const DecoderConfig& config, std::span<const std::int64_t> widths) {
  const std::int64_t norm_params = config.dim * (config.norm == DecoderConfig::Norm::kLayer ? 2 : 1);
  const std::int64_t head = config.vocab * config.dim;
  Cost cost{.params = head * (config.tied ? 1 : 2) + config.positions * config.dim + norm_params, .macs = head};
  for (const Shape& shape : shapes_of(config, widths)) {
    const std::int64_t kv = shape.kv_heads * config.head_dim, query = kv * shape.queries_per_kv, ffn = shape.ffn;
    const std::int64_t matrices = config.dim * (2 * query + 2 * kv + (config.gated ? 3 : 2) * ffn);
    const std::int64_t boosters = config.booster > 0 ? matrices / config.booster : 0;
    cost.macs += matrices + boosters;
    cost.params += matrices + boosters + 2 * norm_params + (config.qk_norm ? 2 * config.head_dim : 0) +
                   (config.bias_qkv ? query + 2 * kv : 0) + (config.bias_out ? config.dim : 0) +
                   (config.bias_ffn ? (config.gated ? 2 : 1) * ffn + config.dim : 0);
  }
  return cost;
}

DecoderConfig sliced(const DecoderConfig& config, const PrunableStructure& structure, std::span<const std::uint8_t> kept) {
  if (structure.families.empty()) return config;
  const std::vector<std::int64_t> widths = kept_widths(structure, kept);
  std::vector<Shape> shapes;
  if (config.units == Units::kLayers) {
    std::set<std::size_t> layers;
    for (std::size_t g = 0; g < kept.size(); ++g) {
      if (kept[g] != 0) layers.insert(static_cast<std::size_t>(structure.groups[g].block - 1));
    }
    for (const std::size_t l : layers) shapes.push_back(shape_of(config, l));
  } else {
    shapes = shapes_of(config, widths);
  }
  DecoderConfig narrow = config;
  narrow.kv_heads.clear();
  narrow.queries_per_kv.clear();
  narrow.ffn.clear();
  for (const Shape& shape : shapes) {
    narrow.kv_heads.push_back(shape.kv_heads);
    narrow.queries_per_kv.push_back(shape.queries_per_kv);
    narrow.ffn.push_back(shape.ffn);
  }
  return narrow;
}

}  // namespace coppice::decoder
