// What of a decoder (models/decoder.h) goes together, and what it costs.
#pragma once

#include <span>
#include <vector>

#include "models/arena.h"
#include "models/model_config.h"
#include "models/prunable_structure.h"

namespace coppice::decoder {

constexpr ParamId kNone = -1;

// A matrix or a norm, and the bias behind it; the booster beside a matrix.
struct Tensors {
  ParamId weight = kNone;
  ParamId bias = kNone;
  ParamId booster = kNone;
};

struct Layer {
  Tensors query, key, value, output, gate, up, down, norm_attention, norm_ffn;
  ParamId norm_query = kNone;
  ParamId norm_key = kNone;
};

// The families that config.units asks for; every group knows its block. None beside boosters: what a unit's columns put into a sum of
// several inputs cannot be cut out.
PrunableStructure structure_of(const DecoderConfig& config, const ArenaLayout& base, std::span<const Layer> layers, ParamId head);

// Of the model that keeps `widths[f]` units of family f. Throws Error where the KV groups of a layer would keep different numbers of
// query heads.
Cost cost_of(const DecoderConfig& config, std::span<const std::int64_t> widths);
DecoderConfig sliced(const DecoderConfig& config, const PrunableStructure& structure, std::span<const std::uint8_t> kept);

}  // namespace coppice::decoder
