// A model's config as JSON, through the same visitor that reads it from YAML: what config.json of a model folder holds
// and what a state's digest covers.
#pragma once

#include <string>
#include <string_view>

#include "models/model_config.h"

namespace coppice {

// {"kind":"resnet8","input":[28,28,1],...}: the kind, then every field in the order of visit(), and behind them a decoder's "units"
// where they are not its first choice. A graph is written whole: {"kind":"graph","graph":{...}}. The same text for the same config on every machine.
std::string model_config_to_json(const ModelConfig& config);

// Strict: every field present, none unknown or twice, types and ranges as declared. `where` names the text in messages.
// Throws InputError.
ModelConfig model_config_from_json(std::string_view text, const std::string& where);

}  // namespace coppice
