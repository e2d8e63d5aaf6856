#include "core/config_text.h"

#include <charconv>
#include <cmath>

namespace coppice {

std::vector<std::string> names_of(const std::vector<Alternative>& alternatives) {
  std::vector<std::string> names;
  for (const Alternative& alternative : alternatives) {
    if (alternative.forms.empty()) names.push_back(alternative.name);
    names.insert(names.end(), alternative.forms.begin(), alternative.forms.end());
  }
  return names;
}

std::string joined(const std::vector<std::string>& names, const char* separator) {
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i) out += (i == 0 ? "" : separator) + names[i];
  return out;
}

std::string with_range(const char* type, const Range& range) {
  const std::string allowed = range.describe();
  return allowed.empty() ? type : std::string(type) + " " + allowed;
}

std::string plain_number(double value) {
  char text[32];
  const bool whole = std::floor(value) == value && std::fabs(value) < 1e15 && !(value == 0.0 && std::signbit(value));
  const auto end = whole ? std::to_chars(text, text + sizeof text, static_cast<std::int64_t>(value))
                         : std::to_chars(text, text + sizeof text, value);
  return {text, end.ptr};
}

}  // namespace coppice
