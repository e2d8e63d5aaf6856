#include "coordinator/report/figures.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>

#include "core/human_text.h"

namespace coppice {
namespace {

constexpr double kLargestPlain =
    1e15;  // beyond it a double has no digits after the point, so it is written with an exponent

std::string with_exponent(double value, int digits) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%.*g", digits, value);
  return text.data();
}

// "-1234567.5" -> "-1,234,567.5"
std::string grouped(std::string digits) {
  std::size_t end = digits.find('.');
  if (end == std::string::npos) end = digits.size();
  const std::size_t first = digits[0] == '-' ? 1 : 0;
  for (std::size_t at = end; at > first + 3; at -= 3) digits.insert(at - 3, 1, ',');
  return digits;
}

}  // namespace

std::string show_fixed(double value, int decimals) {
  if (std::abs(value) >= kLargestPlain && std::isfinite(value)) return with_exponent(value, 4);
  std::string text = fixed_text(value, decimals);
  if (text.size() > 1 && text[0] == '-' && text.find_first_not_of("-0.") == std::string::npos) text.erase(0, 1);
  return text;
}

std::string show_significant(double value, int digits) {
  if (!std::isfinite(value)) return "-";
  if (value == 0.0) return "0";
  const double size = std::abs(value);
  if (size >= kLargestPlain || size < 1e-4) return with_exponent(value, digits);
  const int decimals = digits - 1 - static_cast<int>(std::floor(std::log10(size)));
  return grouped(show_fixed(value, decimals > 0 ? decimals : 0));
}

std::string show_count(double value) {
  const std::string text = show_fixed(value, 0);
  return text == "-" || std::abs(value) >= kLargestPlain ? text : grouped(text);
}

std::string show_short_count(double value) {
  return std::isfinite(value) && std::abs(value) >= kLargestPlain ? with_exponent(value, 3) : count_text(value);
}

std::string show_bytes(double bytes) {
  if (!std::isfinite(bytes)) return "-";
  if (std::abs(bytes) >= 1e18) return with_exponent(bytes, 3) + " B";
  const std::string size = bytes_text(static_cast<std::uint64_t>(std::llround(std::abs(bytes))));
  return bytes < 0.0 && size != "0 B" ? std::string("-") += size : size;
}

std::string show_percent(double fraction, int decimals) {
  return std::isfinite(fraction) ? show_fixed(fraction * 100.0, decimals) + " %" : "-";
}

std::string show_milliseconds(double milliseconds) {
  return std::isfinite(milliseconds) ? show_significant(milliseconds, 3) + " ms" : "-";
}

std::string show_seconds(double seconds) {
  if (!std::isfinite(seconds)) return "-";
  if (seconds < 0.0) return std::string("-") += show_seconds(-seconds);
  if (seconds == 0.0) return "0 s";
  return seconds < 0.9995 ? show_milliseconds(seconds * 1000.0) : seconds_text(seconds);
}

}  // namespace coppice
