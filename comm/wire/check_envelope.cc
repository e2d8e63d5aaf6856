#include "comm/wire/check_envelope.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "core/error.h"
#include "comm/wire/bits.h"

namespace coppice {
namespace {

std::string count_of(std::int64_t count, const char* unit) { return std::to_string(count) + " " + unit; }

// Throws unless `found` is as expected; both in words.
void expect(bool holds, const Block& block, const std::string& found, const std::string& expected) {
  if (!holds) throw InputError("block " + quoted(block.name) + ": found " + found + "; expected " + expected);
}

void check_values(const Block& block) {
  const std::size_t width = bytes_per_element(block.dtype);
  expect(block.values.size() % width == 0, block,
         std::to_string(block.values.size()) + " bytes of " + name_of(block.dtype) + " values", "whole elements");
  if (block.dtype == DType::kI8) {
    expect(std::isfinite(block.scale) && block.scale >= 0, block, "scale " + std::to_string(block.scale),
           "a finite scale >= 0");
  } else {
    expect(block.scale == 1.0F, block, "scale " + std::to_string(block.scale),
           std::string("scale 1 for ") + name_of(block.dtype));
  }
  if (block.dtype == DType::kBool) {
    const bool binary = std::all_of(block.values.begin(), block.values.end(),
                                    [](std::byte value) { return std::to_integer<unsigned>(value) <= 1; });
    expect(binary, block, "a bool that is neither 0 nor 1", "0 or 1");
  }
}

void check_indices(const Block& block, std::int64_t num_elements) {
  expect(block.positions.size() / sizeof(std::uint32_t) == static_cast<std::size_t>(block.num_values()) &&
             block.positions.size() % sizeof(std::uint32_t) == 0,
         block, std::to_string(block.positions.size()) + " bytes of indices",
         "4 bytes for each of " + count_of(block.num_values(), "values"));
  std::int64_t last = -1;
  for (std::size_t at = 0; at < block.positions.size(); at += sizeof(std::uint32_t)) {
    std::uint32_t index;
    std::memcpy(&index, block.positions.data() + at, sizeof(index));
    expect(index > last, block, "index " + std::to_string(index) + " after " + std::to_string(last),
           "ascending indices");
    last = index;
  }
  expect(last < num_elements, block, "index " + std::to_string(last), "an index below " + std::to_string(num_elements));
}

void check_bitmap(const Block& block, std::int64_t num_elements) {
  expect(is_bitmap_of(block.positions, num_elements), block,
         "a bitmap of " + std::to_string(block.positions.size()) + " bytes",
         std::to_string(bitmap_bytes(num_elements)) + " bytes for " + count_of(num_elements, "elements") +
             ", with no bit set past the end");
  const std::int64_t set = count_bits(block.positions);
  expect(set == block.num_values(), block, count_of(set, "bits set"), count_of(block.num_values(), "(one a value)"));
}

void check_block(const Block& block, bool has_mask) {
  expect(!block.name.empty(), block, "no name", "a name");
  const std::int64_t num_elements = block.num_elements();
  check_values(block);
  const bool has_positions = block.layout == Layout::kIndices || block.layout == Layout::kBitmap;
  expect(has_positions || block.positions.empty(), block,
         std::to_string(block.positions.size()) + " bytes of positions", "none in this layout");
  const std::string values = count_of(block.num_values(), "values");
  switch (block.layout) {
    case Layout::kDense:
      expect(block.num_values() == num_elements, block, values, count_of(num_elements, "(one an element)"));
      return;
    case Layout::kOnSupport:
      expect(has_mask, block, "values on a support", "the digest of its mask in the envelope");
      expect(block.num_values() <= num_elements, block, values, "at most " + std::to_string(num_elements));
      return;
    case Layout::kIndices:
      check_indices(block, num_elements);
      return;
    case Layout::kBitmap:
      check_bitmap(block, num_elements);
      return;
  }
  throw InputError("block " + quoted(block.name) + ": unknown layout");
}

}  // namespace

void check_envelope(const Envelope& envelope) {
  const bool has_mask = !envelope.mask_digest.is_zero();
  for (const Block& block : envelope.blocks) check_block(block, has_mask);
}

}  // namespace coppice
