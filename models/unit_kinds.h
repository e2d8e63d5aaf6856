// The kinds of units that a model can be taken apart into, and the choice among those that overlap.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "models/model_config.h"

namespace coppice {

// Of an architecture, whatever its structure declares at the moment: {"channel", "neuron"}, {"kv_group", "query_head", ...}.
std::vector<std::string> unit_kinds(const ModelConfig& config);

// The config of the same model whose structure declares these kinds, perhaps beside others; none named: what the architecture
// declares by itself. Throws InputError on a kind that the architecture has not, on query heads where none share a key and value
// head, and on kinds of which one contains the other.
ModelConfig with_units(ModelConfig config, std::span<const std::string> kinds);

}  // namespace coppice
