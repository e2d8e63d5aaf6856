// What Unicode says of UTF-8 text: where it is well formed, its composed form, what is white space.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace coppice {

// Bytes before the first one that no well-formed UTF-8 text could hold at its place; text.size() where all are well formed.
std::size_t well_formed_length(std::string_view text);

// Takes from bytes that arrive piece by piece what is text already; the start of a code point stays, unless these are the `last` bytes.
// What can be no text becomes U+FFFD, one for as many bytes as could have begun a code point.
std::string take_text(std::string& bytes, bool last);

// Normalisation form C (UAX #15) of well-formed text.
std::string composed_form(std::string_view text);

// `text` without the white space (property White_Space) at its end; and without that at its start.
std::string_view without_trailing_space(std::string_view text);
std::string_view without_leading_space(std::string_view text);

}  // namespace coppice
