// Base64 (RFC 4648, section 4, with padding): bitmaps inside summary.json and images inside report.html.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace coppice {

std::string to_base64(std::span<const std::uint8_t> bytes);

// nullopt where the text is not canonical base64 (wrong length, alphabet or padding, or non-zero spare bits).
std::optional<std::vector<std::uint8_t>> from_base64(std::string_view text);

}  // namespace coppice
