// Any network that torch.export wrote, as a Model: one block, run operation by operation (executable.h), its units found in the
// graph (units.h). Deviations from PyTorch: dropout is the identity; see canonical.h.
#pragma once

#include <memory>
#include <string>

#include "models/graph/program.h"
#include "models/model.h"
#include "models/model_state.h"

namespace coppice {

// Throws InputError where an operation's arguments are not those of its schema.
std::unique_ptr<Model> make_graph_model(const GraphConfig& config);

// A .pt2 file's network and weights. The graph has then run once, on zeros, and every shape was what the file says. Throws
// InputError: see models/graph/archive.h, exported_program.h, canonical.h; also where a weight is not finite.
ModelState read_graph_file(const std::string& path);

}  // namespace coppice
