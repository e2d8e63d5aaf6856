// Random words by their place, for draws that must not depend on what was drawn before: word 4 i + j of Stream(seed, purpose, salt) is
// draw_block(seed, purpose, salt, i)[j].
#pragma once

#include <array>
#include <cstdint>

#include "core/seed.h"

namespace coppice {

// Throws Error for a salt of 2^24 and more.
std::array<std::uint32_t, 4> draw_block(Seed seed, Purpose purpose, std::uint32_t salt, std::uint32_t block);

// Four draws of N(0, 1) by their place, of two blocks: Box-Muller on pairs of words. The radius ends at 6.7, beyond which a draw falls
// once in 2^32.
std::array<double, 4> normal_block(Seed seed, Purpose purpose, std::uint32_t salt, std::uint32_t block);

// [0, bound) from one word: floor(word * bound / 2^32), off from uniform by at most bound / 2^32.
constexpr std::int64_t scaled_draw(std::uint32_t word, std::int64_t bound) {
  return static_cast<std::int64_t>((static_cast<std::uint64_t>(word) * static_cast<std::uint64_t>(bound)) >> 32);
}

}  // namespace coppice
