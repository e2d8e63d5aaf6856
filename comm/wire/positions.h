// Where the values of a sparse block sit: ascending indices or a bitmap, whichever is smaller, and masks as what changed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/block.h"

namespace coppice {

// kIndices (4 bytes a value) where that is less than kBitmap (ceil(n / 8) bytes), that is below a density of 1/32.
Layout smaller_layout(std::int64_t num_elements, std::int64_t num_values);

// Bytes of the smaller one.
std::size_t position_bytes(std::int64_t num_elements, std::int64_t num_values);

// Positions as Block carries them; `layout` is kIndices or kBitmap.
struct Positions {
  Layout layout = Layout::kBitmap;
  std::vector<std::byte> bytes;
};

// Of the set bits of a bitmap (comm/wire/bits.h) of `num_elements`, in the smaller layout.
Positions encode_positions(std::span<const std::byte> bits, std::int64_t num_elements);

// Back to the bitmap. InputError on indices out of order or range, a wrong length, bits past the end.
std::vector<std::byte> decode_positions(Layout layout, std::span<const std::byte> bytes, std::int64_t num_elements);

// Gives a kIndices or kBitmap block the smaller of the two; its values stay as they are.
void use_smaller_positions(Block& block);

// From the mask the receiver has to the new one: a byte 0 and the new bitmap, or a byte 1 and the ascending uint32 indices of
// the bits that flip, whichever is smaller. An unchanged mask takes one byte.
std::vector<std::byte> encode_mask_delta(std::span<const std::byte> old_bits, std::span<const std::byte> new_bits,
                                         std::int64_t num_elements);

// The new bitmap; InputError on everything encode_mask_delta could not have written.
std::vector<std::byte> apply_mask_delta(std::span<const std::byte> old_bits, std::span<const std::byte> delta,
                                        std::int64_t num_elements);

}  // namespace coppice
