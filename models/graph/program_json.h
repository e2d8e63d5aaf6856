// A Program as JSON: what travels in a model's config, to ranks, into checkpoints and exports.
#pragma once

#include <string>
#include <string_view>

#include "models/graph/program.h"

namespace coppice::graph {

// One text for one program on every machine.
std::string program_to_json(const Program& program);

// Strict: throws InputError on an unknown key, operation or type, a name that is used before it is made or made twice, a shape that
// is none. `where` names the text in messages.
Program program_from_json(std::string_view text, const std::string& where);

}  // namespace coppice::graph
