// A masked model as one smaller file: kept values and the positions they go to, in the frame format of docs/wire.md.
//
// Smaller on disk alone: reading it back gives the dense shapes with zeros.
#pragma once

#include <string>

#include "models/mask.h"
#include "models/model_state.h"

namespace coppice {

struct PackedModel {
  ModelState state;
  std::shared_ptr<const Mask> mask;
};

void write_packed_model(const std::string& path, const ModelState& state, std::shared_ptr<const Mask> mask);
PackedModel read_packed_model(const std::string& path);  // throws InputError

}  // namespace coppice
