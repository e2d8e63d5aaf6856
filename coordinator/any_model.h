// A model as people point at it: a run's folder, a model folder, or a packed file.
#pragma once

#include <string>

#include "models/model_state.h"

namespace coppice {

// A run's folder stands for its `model/`. Throws InputError.
ModelState read_any_model(const std::string& path);

}  // namespace coppice
