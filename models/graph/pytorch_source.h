// A Program as a PyTorch module in source: for those who load an exported network without this engine.
#pragma once

#include <string>

#include "models/graph/program.h"

namespace coppice::graph {

// A Python file with `Model`, whose state dict has the names of the model's safetensors file, and `load(folder)`. It calls the same
// operations; batch norms follow the module's mode.
std::string pytorch_source(const Program& program);

}  // namespace coppice::graph
