// JSON from outside: no key twice in one object, nesting bounded, one clear line on a syntax error. For sources only.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace coppice {

// `where` names the text in messages. Throws InputError.
nlohmann::json parse_strict_json(std::string_view text, const std::string& where);

}  // namespace coppice
