// A model as a folder: config.json (architecture, our ModelConfig), model.safetensors (weights), coppice.json
// (provenance); of a graph also model.py, the network as a PyTorch module. docs/model_folder.md describes the files for other tools. Decoders that transformers wrote are read as they are, in one
// file or several, and are written so that transformers reads them.
#pragma once

#include <string>

#include "models/model_state.h"
#include "models/safetensors.h"

namespace coppice {

// `provenance_json` becomes coppice.json as it is. Each file is written atomically, config.json last, so that a folder
// with a config.json is whole. Throws InputError/Stopped.
void write_model_folder(const std::string& folder, const ModelState& state, const std::string& provenance_json);

// What else belongs to a language model, from one folder to another: the tokenizer's files, settings of generation, and the ids of
// special tokens in config.json. What `from` lacks is left out. Throws InputError/Stopped.
void copy_companions(const std::string& from, const std::string& to);

// Throws InputError on a missing or malformed file, unknown architecture, missing/surplus tensor, wrong shape or dtype,
// and on a weight that is not finite.
ModelState read_model_folder(const std::string& folder);

// The weights of `config` from a file of that very architecture, whatever wrote it. F16 and BF16 become float32;
// "<norm>.num_batches_tracked", a counter that PyTorch keeps beside each batch norm and that inference ignores, is
// passed over. `where` names the file in messages. Throws InputError as above.
ModelState state_from_safetensors(const ModelConfig& config, const SafetensorsFile& file, const std::string& where);

}  // namespace coppice
