#include "core/addend.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>

#include "core/error.h"

namespace coppice {
namespace {

void require_below(std::span<const std::uint32_t> positions, std::size_t size, const char* what) {
  std::uint32_t largest = 0;
  for (const std::uint32_t position : positions) largest = std::max(largest, position);
  if (!positions.empty() && largest >= size) {
    throw Error("addend: found position " + std::to_string(largest) + " in " + what + " of " + std::to_string(size));
  }
}

}  // namespace

Addend Addend::of(std::span<const float> values, double scale) {
  Addend addend;
  addend.floats_ = values.data();
  addend.size_ = addend.count_ = values.size();
  addend.scale_ = scale;
  return addend;
}

Addend Addend::of(std::span<const double> values, double scale) {
  Addend addend;
  addend.doubles_ = values.data();
  addend.size_ = addend.count_ = values.size();
  addend.scale_ = scale;
  return addend;
}

Addend Addend::difference(std::span<const float> after, std::span<const float> before, double weight) {
  if (after.size() != before.size()) {
    throw Error("addend: a difference of " + std::to_string(after.size()) + " and " + std::to_string(before.size()) +
                " values");
  }
  Addend addend = of(after, weight);
  addend.minus_ = before.data();
  return addend;
}

Addend Addend::at(std::span<const std::uint32_t> positions) const {
  if (where_ != Where::kAll) throw Error("addend: its elements are chosen already");
  require_below(positions, size_, "values");
  Addend addend = *this;
  addend.positions_ = positions;
  addend.count_ = positions.size();
  addend.where_ = Where::kPositions;
  return addend;
}

Addend Addend::kept(std::span<const std::uint64_t> bitmap) const {
  if (where_ != Where::kAll) throw Error("addend: its elements are chosen already");
  const std::size_t spare = size_ % 64;
  if (bitmap.size() != size_ / 64 + (spare != 0 ? 1 : 0) || (spare != 0 && bitmap.back() >> spare != 0)) {
    throw Error("addend: a bitmap of " + std::to_string(bitmap.size()) + " words does not go with " +
                std::to_string(size_) + " values");
  }
  Addend addend = *this;
  addend.bitmap_ = bitmap;
  addend.count_ = 0;
  for (const std::uint64_t word : bitmap) addend.count_ += static_cast<std::size_t>(std::popcount(word));
  addend.where_ = Where::kBitmap;
  return addend;
}

Addend Addend::scattered(std::span<const std::uint32_t> positions) const {
  if (where_ != Where::kAll) throw Error("addend: its elements are chosen already");
  if (positions.size() != size_) {
    throw Error("addend: " + std::to_string(positions.size()) + " positions for " + std::to_string(size_) + " values");
  }
  Addend addend = *this;
  addend.positions_ = positions;
  addend.where_ = Where::kScattered;
  return addend;
}

void Addend::require_block_of(std::size_t block_size) const {
  if (where_ == Where::kScattered) {
    require_below(positions_, block_size, "a block");
  } else if (count_ != block_size) {
    throw Error("addend: " + std::to_string(count_) + " values for a block of " + std::to_string(block_size));
  }
}

bool Addend::is_finite() const {
  bool finite = std::isfinite(scale_);
  for_each_chunk([&](const Chunk& chunk) {
    for (std::size_t i = 0; i < chunk.count; ++i) {
      double value = chunk.doubles != nullptr ? chunk.doubles[i] : static_cast<double>(chunk.floats[i]);
      if (chunk.minus != nullptr) value -= static_cast<double>(chunk.minus[i]);
      finite = finite && std::isfinite(value * scale_);
    }
  });
  return finite;
}

}  // namespace coppice
