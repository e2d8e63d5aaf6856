#include "data/unicode.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include <utf8proc.h>

#include "core/error.h"

namespace coppice {
namespace {

const std::uint8_t* bytes_of(std::string_view text) { return reinterpret_cast<const std::uint8_t*>(text.data()); }

bool is_white_space(std::int32_t c) {
  return (c >= 0x9 && c <= 0xD) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
         c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool continues(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; }

// Bytes of the first code point; 0 where it is not well formed.
std::size_t first_length(std::string_view text, std::int32_t& code_point) {
  const utf8proc_ssize_t length = utf8proc_iterate(bytes_of(text), static_cast<utf8proc_ssize_t>(text.size()), &code_point);
  return length > 0 ? static_cast<std::size_t>(length) : 0;
}

// Bytes at the start of `text`, which begins with no whole code point, that could begin one (Unicode 15, table 3-7).
std::size_t begun_length(std::string_view text) {
  const auto byte = [text](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const unsigned lead = byte(0);
  if (lead < 0xC2 || lead > 0xF4) return 0;
  const unsigned least = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80, most = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (lead < 0xE0 || byte(1) < least || byte(1) > most) return 1;
  return lead >= 0xF0 && text.size() > 2 && continues(text[2]) ? 3 : 2;
}

}  // namespace

std::size_t well_formed_length(std::string_view text) {
  std::size_t at = 0;
  std::int32_t code_point = 0;
  while (at < text.size()) {
    const std::size_t length = first_length(text.substr(at), code_point);
    if (length == 0) break;
    at += length;
  }
  return at;
}

std::string take_text(std::string& bytes, bool last) {
  std::string text;
  while (true) {
    const std::size_t length = well_formed_length(bytes);
    text += bytes.substr(0, length);
    bytes.erase(0, length);
    const std::size_t begun = begun_length(bytes);
    if (bytes.empty() || (begun == bytes.size() && !last)) return text;
    text += "\xEF\xBF\xBD";
    bytes.erase(0, std::max<std::size_t>(begun, 1));
  }
}

std::string composed_form(std::string_view text) {
  utf8proc_uint8_t* composed = nullptr;
  const utf8proc_ssize_t length = utf8proc_map(bytes_of(text), static_cast<utf8proc_ssize_t>(text.size()), &composed,
                                               static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  if (length < 0) throw Error(std::string("composing a text: ") + utf8proc_errmsg(length));
  std::string result(reinterpret_cast<const char*>(composed), static_cast<std::size_t>(length));
  std::free(composed);
  return result;
}

std::string_view without_trailing_space(std::string_view text) {
  while (!text.empty()) {
    std::size_t start = text.size() - 1;
    while (start > 0 && continues(text[start])) --start;
    std::int32_t code_point = 0;
    if (first_length(text.substr(start), code_point) == 0 || !is_white_space(code_point)) break;
    text = text.substr(0, start);
  }
  return text;
}

std::string_view without_leading_space(std::string_view text) {
  std::int32_t code_point = 0;
  for (std::size_t length = 0; (length = first_length(text, code_point)) > 0 && is_white_space(code_point);) text.remove_prefix(length);
  return text;
}

}  // namespace coppice
