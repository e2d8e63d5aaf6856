#include "core/human_text.h"

#include <array>
#include <cmath>
#include <cstdio>

namespace coppice {
namespace {

template <class... Args>
std::string printed(const char* format, Args... args) {
  char text[64];
  std::snprintf(text, sizeof text, format, args...);
  return text;
}

// Three digits: 1.23, 12.3, 123.
std::string three_digits(double value) {
  const int digits = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return printed("%.*f", digits, value);
}

bool continues_code_point(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

}  // namespace

std::string bytes_text(std::uint64_t bytes) {
  static constexpr std::array<const char*, 6> kUnits = {" KiB", " MiB", " GiB", " TiB", " PiB", " EiB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  auto value = static_cast<double>(bytes) / 1024.0;
  std::size_t unit = 0;
  for (; value >= 999.5 && unit + 1 < kUnits.size(); ++unit) value /= 1024.0;
  return three_digits(value) + kUnits[unit];
}

std::string seconds_text(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0.0) return "-";
  if (seconds < 59.95) return three_digits(seconds) + " s";
  if (seconds >= 1e12) return "ages";
  const auto whole = std::llround(seconds);
  if (whole < 3600) return printed("%lld min %02lld s", whole / 60, whole % 60);
  if (whole < 86400) return printed("%lld h %02lld min", whole / 3600, whole % 3600 / 60);
  return printed("%lld d %02lld h", whole / 86400, whole % 86400 / 3600);
}

std::string count_text(double count) {
  static constexpr std::array<const char*, 4> kUnits = {" k", " M", " G", " T"};
  if (!std::isfinite(count)) return "-";
  if (std::fabs(count) < 999.5) return printed("%.*f", std::floor(count) == count ? 0 : 2, count);
  double value = std::fabs(count) / 1000.0;
  std::size_t unit = 0;
  for (; value >= 999.5 && unit + 1 < kUnits.size(); ++unit) value /= 1000.0;
  return std::string(count < 0 ? "-" : "") + three_digits(value) + kUnits[unit];
}

std::string fixed_text(double value, int digits) { return std::isfinite(value) ? printed("%.*f", digits, value) : "-"; }

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  for (const char c : text) columns += continues_code_point(c) ? 0 : 1;
  return columns;
}

std::string_view first_columns(std::string_view text, std::size_t columns) {
  std::size_t end = 0;
  for (std::size_t seen = 0; end < text.size(); ++end) {
    if (!continues_code_point(text[end]) && seen++ == columns) break;
  }
  return text.substr(0, end);
}

}  // namespace coppice
