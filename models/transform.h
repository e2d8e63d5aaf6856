// The only way shapes change: ModelState -> ModelState.
#pragma once

#include "models/mask.h"
#include "models/model_state.h"

namespace coppice {

// Physically removes the groups the mask drops; layers behind a removed one take its number, in the names of their tensors too. The sliced model computes what the masked one does, to rounding (1e-5).
// Throws Error where a family would be emptied. Cost: one pass over the kept weights.
ModelState slice(const ModelState& state, const Model& model, const Mask& mask);

// The inverse for looking at a compact model in the dense shape: kept entries from `compact`, dropped ones zero (moments:
// mean 0, variance 1). slice(expand(c)) == c bit for bit.
ModelState expand(const ModelState& compact, const Model& dense_model, const Mask& mask);

}  // namespace coppice
