#include "core/config.h"

#include <cmath>

#include "core/config_text.h"

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

}  // namespace coppice
