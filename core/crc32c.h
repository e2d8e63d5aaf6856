// CRC-32C (Castagnoli; RFC 3720, appendix B.4).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace coppice {

// `crc` is the checksum of the bytes before these, 0 at the start.
std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t crc);

}  // namespace coppice
