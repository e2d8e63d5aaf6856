// Small texts that reading, writing and documenting a config share.
#pragma once

#include <string>
#include <vector>

#include "core/config.h"

namespace coppice {

// What may be written for a choice: names, and the forms of a text.
std::vector<std::string> names_of(const std::vector<Alternative>& alternatives);
std::string joined(const std::vector<std::string>& names, const char* separator);
// "a number > 0"; just the type where everything is allowed.
std::string with_range(const char* type, const Range& range);
// The shortest text that reads back as `value`, whole numbers without a point or an exponent.
std::string plain_number(double value);

}  // namespace coppice
