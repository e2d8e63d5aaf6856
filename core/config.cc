#include "core/config.h"

#include <cmath>

#include "core/config_text.h"
#include "core/error.h"

namespace coppice {

bool Range::contains(double value) const {
  return (open_least ? value > least : value >= least) && (open_most ? value < most : value <= most);
}

std::string Range::describe() const {
  const bool has_least = std::isfinite(least), has_most = std::isfinite(most);
  if (has_least && has_most) {
    return std::string("in ") + (open_least ? "(" : "[") + plain_number(least) + ", " + plain_number(most) +
           (open_most ? ")" : "]");
  }
  if (has_least) return (open_least ? "> " : ">= ") + plain_number(least);
  if (has_most) return (open_most ? "< " : "<= ") + plain_number(most);
  return "";
}

std::size_t FieldVisitor::position(const std::string& name, const std::vector<Alternative>& alternatives) {
  const auto found = std::find_if(alternatives.begin(), alternatives.end(), [&](const Alternative& one) { return one.name == name; });
  return static_cast<std::size_t>(found - alternatives.begin());
}

void FieldVisitor::add_custom(std::vector<Alternative>& all, Alternative custom) {
  for (const Alternative& other : all) {
    if (other.name == custom.name || std::find(other.forms.begin(), other.forms.end(), custom.name) != other.forms.end()) {
      throw InputError("extension " + coppice::quoted(custom.name) + ": found a built-in choice of this name; expected another");
    }
  }
  all.push_back(std::move(custom));
}

}  // namespace coppice
