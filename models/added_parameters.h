// Parameters, zero at first, that an architecture can have and a model has not.
#pragma once

#include <cstdint>
#include <memory>

#include "models/model_state.h"

namespace coppice {

// The config with biases of all matrices but the head; itself where it has them. Throws InputError where the family's files have no
// place for them.
ModelConfig with_biases(const ModelConfig& config);

// The config with boosters of a decoder's matrices (DecoderConfig::booster), one number for `inputs` inputs; itself where it has
// these. Throws InputError on another architecture, on widths that `inputs` does not divide, and on boosters of another size.
ModelConfig with_boosters(const ModelConfig& config, std::int64_t inputs);

// The same function of the inputs in that config; `state` itself where it has it.
std::shared_ptr<const ModelState> widened(std::shared_ptr<const ModelState> state, const ModelConfig& config);

}  // namespace coppice
