// Quantities as a person reads them in a table or a progress line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace coppice {

std::string bytes_text(std::uint64_t bytes);       // "312 B", "1.50 KiB", "20.0 MiB"
std::string seconds_text(double seconds);          // "0.42 s", "12.3 s", "4 min 05 s", "3 h 20 min", "2 d 01 h"
std::string count_text(double count);              // "950", "78.7 k", "12.5 M", "1.36 G"
std::string fixed_text(double value, int digits);  // "-" where it is not finite

// Columns a terminal shows for UTF-8 text, one a code point; and its first `columns`.
std::size_t columns_of(std::string_view text);
std::string_view first_columns(std::string_view text, std::size_t columns);

}  // namespace coppice
