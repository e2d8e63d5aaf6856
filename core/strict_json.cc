#include "core/strict_json.h"

#include <set>
#include <vector>

#include "core/error.h"

namespace coppice {

nlohmann::json parse_strict_json(std::string_view text, const std::string& where) {
  using Json = nlohmann::json;
  constexpr int kDeepest = 32;
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > kDeepest) throw InputError(where + ": nested deeper than " + std::to_string(kDeepest) + " levels");
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(parsed.get<std::string>()).second) {
      throw InputError(where + ": key " + coppice::quoted(parsed.get<std::string>()) + " stands twice in one object");
    }
    return true;
  };
  try {
    return Json::parse(text.begin(), text.end(), watch);
  } catch (const Json::parse_error& error) {
    throw InputError(where + ": not valid JSON at byte " + std::to_string(error.byte));
  } catch (const Json::exception&) {
    throw InputError(where + ": a number in the JSON is out of range");
  }
}

}  // namespace coppice
