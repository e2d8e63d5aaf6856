// A masked model as one smaller file: kept values and where they go (models/packed/packed_file.h).
//
// Smaller on disk alone: reading it gives the dense tensors with zeros, bit for bit those that were written, and they compute as such.
#pragma once

#include <string>

#include "models/mask.h"
#include "models/model_state.h"
#include "models/packed/packed_file.h"

namespace coppice {

// `mask` in the state's layout; what it drops is 0. At most 2^32 elements a masked tensor.
PackedFile pack(const ModelState& state, const Mask& mask);
void write_packed_model(const std::string& path, const ModelState& state, const Mask& mask);

PackedFile read_packed_file(const std::string& path);   // throws InputError
ModelState read_packed_model(const std::string& path);  // throws InputError, also on a value that is not finite

}  // namespace coppice
