// A model as a folder: config.json (architecture, our ModelConfig), model.safetensors (weights), coppice.json (provenance).
#pragma once

#include <string>

#include "models/model_state.h"

namespace coppice {

// `provenance_json` becomes coppice.json as it is. Files are written atomically. Throws InputError/Stopped.
void write_model_folder(const std::string& folder, const ModelState& state, const std::string& provenance_json);

// Throws InputError on a missing or malformed file, unknown architecture, missing/surplus tensor, wrong shape or dtype.
ModelState read_model_folder(const std::string& folder);

}  // namespace coppice
