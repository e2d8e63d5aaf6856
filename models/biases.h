// Biases, zero at first, where an architecture can have them and a model has none.
#pragma once

#include <memory>

#include "models/model_state.h"

namespace coppice {

// The config with biases of all matrices but the head; itself where it has them. Throws InputError where the family's files have no
// place for them.
ModelConfig with_biases(const ModelConfig& config);

// The same function of the inputs, with room for biases; `state` itself where it has them.
std::shared_ptr<const ModelState> with_biases(std::shared_ptr<const ModelState> state);

}  // namespace coppice
