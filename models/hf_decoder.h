// Hugging Face's decoders: what their config.json says of an architecture, and how their files name and lay out its tensors.
// Llama, Mistral, Qwen2 and Qwen3 name them as we do; OPT has names of its own; GPT-2 stores matrices as [in, out], with queries, keys
// and values side by side in one.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "models/model_config.h"
#include "models/safetensors.h"

namespace coppice {

// Of a parsed config.json; `where` names the file. Throws InputError on another model_type, a missing key, and on whatever the
// architecture has that ours lacks (scaled rotary frequencies, windows in some layers only, norms behind the sum).
DecoderConfig decoder_from_hf(const nlohmann::json& config, const std::string& where);

// Whether the family's own class can be built from a config.json: all layers alike, heads that make up the residual stream where the
// family has no head_dim, and what else belongs to it.
bool is_plain(const DecoderConfig& config);
// The family's config.json. Only where is_plain.
nlohmann::ordered_json hf_config(const DecoderConfig& config);

// Tensors between the family's files and our names and shapes. Buffers that some files carry (causal masks, rotary tables, a tied
// head's second copy) are left out; names that mean nothing here stay as they are. from_hf_layout throws InputError on a matrix that
// cannot be taken apart.
SafetensorsFile from_hf_layout(const DecoderConfig& config, SafetensorsFile file, const std::string& where);
SafetensorsFile to_hf_layout(const DecoderConfig& config, SafetensorsFile file);

}  // namespace coppice
