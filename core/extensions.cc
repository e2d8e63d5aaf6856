#include "core/extensions.h"

#include <algorithm>

#include "core/error.h"

namespace coppice {

void Extensions::check_name(const std::string& name, const std::vector<std::string>& taken) {
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'; };
  if (name.empty() || name.front() < 'a' || name.front() > 'z' || !std::all_of(name.begin(), name.end(), allowed)) {
    throw InputError("extension " + coppice::quoted(name) + ": expected a name of a-z, 0-9, _ and -, beginning with a letter");
  }
  if (std::find(taken.begin(), taken.end(), name) != taken.end()) {
    throw InputError("extension " + coppice::quoted(name) + ": found two of this name and kind; expected one");
  }
}

}  // namespace coppice
