// Bytes as lower-case hexadecimal digits.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace coppice {

std::string hex_of(std::span<const std::byte> bytes);

}  // namespace coppice
