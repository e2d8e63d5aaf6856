// A model as people point at it: a run's folder, a model folder, a packed file, or what torch.export wrote.
#pragma once

#include <string>

#include "models/model_state.h"

namespace coppice {

// The folder itself; of a run's folder its `model/`. Throws InputError where nothing is there, or a packed file, which is no folder.
std::string folder_of_model(const std::string& path);

// Throws InputError.
ModelState read_any_model(const std::string& path);

}  // namespace coppice
