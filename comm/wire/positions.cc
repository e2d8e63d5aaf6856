#include "comm/wire/positions.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "core/error.h"
#include "comm/wire/bits.h"

namespace coppice {
namespace {

constexpr std::int64_t kIndexBytes = sizeof(std::uint32_t);

enum class DeltaKind : std::uint8_t { kBitmap = 0, kFlips = 1 };

void require_bitmap(std::span<const std::byte> bits, std::int64_t num_elements) {
  if (is_bitmap_of(bits, num_elements)) return;
  throw InputError("found a bitmap of " + std::to_string(bits.size()) + " bytes; expected " +
                   std::to_string(bitmap_bytes(num_elements)) + " for " + std::to_string(num_elements) +
                   " elements, with no bit set past the end");
}

std::vector<std::byte> indices_of(std::span<const std::byte> bits, std::int64_t num_set) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(num_set * kIndexBytes));
  std::byte* out = bytes.data();
  for_each_bit(bits, [&](std::int64_t at) {
    const auto index = static_cast<std::uint32_t>(at);
    std::memcpy(out, &index, sizeof(index));
    out += sizeof(index);
  });
  return bytes;
}

// Inverts the bits at the indices; with an empty bitmap to start from, sets them.
void flip(std::span<std::byte> bits, std::span<const std::byte> indices, std::int64_t num_elements) {
  if (indices.size() % sizeof(std::uint32_t) != 0) {
    throw InputError("found " + std::to_string(indices.size()) + " bytes of indices; expected a multiple of 4");
  }
  std::int64_t last = -1;
  for (std::size_t at = 0; at < indices.size(); at += sizeof(std::uint32_t)) {
    std::uint32_t index;
    std::memcpy(&index, indices.data() + at, sizeof(index));
    if (index <= last || index >= num_elements) {
      throw InputError("found index " + std::to_string(index) + " after " + std::to_string(last) +
                       "; expected ascending indices below " + std::to_string(num_elements));
    }
    last = index;
    bits[index / 8] ^= std::byte{1} << (index % 8);
  }
}

std::vector<std::byte> changed_bits(std::span<const std::byte> a, std::span<const std::byte> b) {
  std::vector<std::byte> changed(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) changed[i] = a[i] ^ b[i];
  return changed;
}

}  // namespace

Layout smaller_layout(std::int64_t num_elements, std::int64_t num_values) {
  constexpr std::int64_t kReach = std::int64_t{std::numeric_limits<std::uint32_t>::max()} + 1;
  const bool indices = num_elements <= kReach && num_values * kIndexBytes < bitmap_bytes(num_elements);
  return indices ? Layout::kIndices : Layout::kBitmap;
}

std::size_t position_bytes(std::int64_t num_elements, std::int64_t num_values) {
  const bool indices = smaller_layout(num_elements, num_values) == Layout::kIndices;
  return static_cast<std::size_t>(indices ? num_values * kIndexBytes : bitmap_bytes(num_elements));
}

Positions encode_positions(std::span<const std::byte> bits, std::int64_t num_elements) {
  require_bitmap(bits, num_elements);
  const std::int64_t num_set = count_bits(bits);
  const Layout layout = smaller_layout(num_elements, num_set);
  if (layout == Layout::kIndices) return {layout, indices_of(bits, num_set)};
  return {layout, {bits.begin(), bits.end()}};
}

std::vector<std::byte> decode_positions(Layout layout, std::span<const std::byte> bytes, std::int64_t num_elements) {
  if (layout == Layout::kBitmap) {
    require_bitmap(bytes, num_elements);
    return {bytes.begin(), bytes.end()};
  }
  if (layout != Layout::kIndices || num_elements < 0) throw InputError("positions: found a layout that has none");
  std::vector<std::byte> bits(static_cast<std::size_t>(bitmap_bytes(num_elements)));
  flip(bits, bytes, num_elements);
  return bits;
}

void use_smaller_positions(Block& block) {
  if (block.layout != Layout::kIndices && block.layout != Layout::kBitmap) return;
  const std::int64_t num_elements = block.num_elements();
  if (block.layout == smaller_layout(num_elements, block.num_values())) return;
  // Beyond the reach of an index smaller_layout cannot choose; a list that stays below it may still be the smaller one.
  if (block.layout == Layout::kIndices && bitmap_bytes(num_elements) >= std::ssize(block.positions)) return;
  Positions smaller = encode_positions(decode_positions(block.layout, block.positions, num_elements), num_elements);
  block.layout = smaller.layout;
  block.positions = std::move(smaller.bytes);
}

std::vector<std::byte> encode_mask_delta(std::span<const std::byte> old_bits, std::span<const std::byte> new_bits,
                                         std::int64_t num_elements) {
  require_bitmap(old_bits, num_elements);
  require_bitmap(new_bits, num_elements);
  const Positions flips = encode_positions(changed_bits(old_bits, new_bits), num_elements);
  const bool as_flips = flips.layout == Layout::kIndices;
  const std::span<const std::byte> payload = as_flips ? std::span<const std::byte>(flips.bytes) : new_bits;
  std::vector<std::byte> delta(1 + payload.size());
  delta[0] = static_cast<std::byte>(as_flips ? DeltaKind::kFlips : DeltaKind::kBitmap);
  std::copy(payload.begin(), payload.end(), delta.begin() + 1);
  return delta;
}

std::vector<std::byte> apply_mask_delta(std::span<const std::byte> old_bits, std::span<const std::byte> delta,
                                        std::int64_t num_elements) {
  require_bitmap(old_bits, num_elements);
  if (delta.empty()) throw InputError("found an empty mask delta; expected at least its kind");
  const std::span<const std::byte> payload = delta.subspan(1);
  switch (static_cast<DeltaKind>(delta[0])) {
    case DeltaKind::kBitmap:
      return decode_positions(Layout::kBitmap, payload, num_elements);
    case DeltaKind::kFlips: {
      std::vector<std::byte> bits(old_bits.begin(), old_bits.end());
      flip(bits, payload, num_elements);
      return bits;
    }
  }
  throw InputError("found a mask delta of kind " + std::to_string(std::to_integer<unsigned>(delta[0])) +
                   "; expected 0 (bitmap) or 1 (flips)");
}

}  // namespace coppice
