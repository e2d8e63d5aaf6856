// Where kept values stand, as Golomb-Rice coded gaps (Golomb 1966; Rice 1979): within 1 % of the entropy of independent positions at a
// density of 5 %, within 5 % anywhere up to 38 %, and never more than a bitmap and two bytes.
//
//   gap_i = elements left out between a position and the one before it, or the start
//   bytes = k; all gap_i >> k in unary, so many zeros and a one; all gap_i mod 2^k in k bits
//
// Quotients and remainders are two bit strings, the lowest bit of a byte first, each filled up with zeros to whole bytes: an array language
// decodes them without a loop. At k = 0 the quotients are the bitmap up to its last position. Cost: one pass, and one over the gaps
// for every k that is tried.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace coppice {

// Ascending without repeats; by the k that takes least.
std::vector<std::byte> encode_gaps(std::span<const std::uint32_t> positions);

// `count` positions below `size`, by whatever k. Throws InputError on everything that no encode_gaps could have written for some k; allocates at
// most 32 times the bytes.
std::vector<std::uint32_t> decode_gaps(std::span<const std::byte> bytes, std::int64_t count, std::int64_t size);

}  // namespace coppice
