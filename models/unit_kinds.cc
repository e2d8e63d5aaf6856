#include "models/unit_kinds.h"

#include <algorithm>

#include "core/error.h"
#include "models/model.h"

namespace coppice {

std::vector<std::string> unit_kinds(const ModelConfig& config) {
  if (std::holds_alternative<DecoderConfig>(config)) return {"kv_group", "query_head", "neuron", "layer"};
  std::vector<std::string> kinds;
  for (const Family& family : make_model(config)->structure().families) {
    if (std::find(kinds.begin(), kinds.end(), family.kind) == kinds.end()) kinds.push_back(family.kind);
  }
  return kinds;
}

ModelConfig with_units(ModelConfig config, std::span<const std::string> kinds) {
  const std::vector<std::string> known = unit_kinds(config);
  for (const std::string& kind : kinds) {
    if (std::find(known.begin(), known.end(), kind) == known.end()) {
      throw InputError("units: " + unknown_name("unit of a " + family_of(config), kind, known));
    }
  }
  auto* decoder = std::get_if<DecoderConfig>(&config);
  if (decoder == nullptr) return config;
  const auto named = [&](const char* kind) { return std::find(kinds.begin(), kinds.end(), kind) != kinds.end(); };
  if (named("layer") && kinds.size() > 1) {
    throw InputError("units: found layer beside others; a layer contains all other units, expected layer alone");
  }
  if (named("query_head") && named("kv_group")) {
    throw InputError("units: found kv_group and query_head; a KV group contains its query heads, expected one of the two");
  }
  const std::vector<std::int64_t>& queries = decoder->queries_per_kv;
  if (named("query_head") && std::all_of(queries.begin(), queries.end(), [](std::int64_t n) { return n == 1; })) {
    throw InputError("units: found query_head; each KV head of this model serves a single query head, expected kv_group");
  }
  decoder->units = named("layer")        ? DecoderConfig::Units::kLayers
                   : named("query_head") ? DecoderConfig::Units::kQueryHeads
                                         : DecoderConfig::Units::kKvGroups;
  return config;
}

}  // namespace coppice
