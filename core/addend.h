// What one client adds to one block of a sum: values that lie somewhere in its memory, read in place and scaled.
//
//   Addend::of(values, scale)                      scale * values[i]
//   Addend::difference(after, before, weight)      weight * (after[i] - before[i]), the difference rounded to double
//   ... .at(positions)                             only these elements, in this order
//   ... .kept(bitmap)                              only the elements whose bit is set (bit i & 63 of word i / 64)
//   Addend::of(values, scale).scattered(positions) values[i] goes to element positions[i] of the block
//
// An addend owns nothing: what it refers to must stay as it is while the addend is in use.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace coppice {

class Addend {
 public:
  static Addend of(std::span<const float> values, double scale);
  static Addend of(std::span<const double> values, double scale);
  static Addend difference(std::span<const float> after, std::span<const float> before, double weight);

  Addend at(std::span<const std::uint32_t> positions) const;
  Addend kept(std::span<const std::uint64_t> bitmap) const;
  Addend scattered(std::span<const std::uint32_t> positions) const;

  double scale() const { return scale_; }
  bool is_scattered() const { return where_ == Where::kScattered; }

  // Number of values that come out.
  std::size_t count() const { return count_; }

  // Throws Error where the addend does not go with a block of `block_size` elements: another number of values, or a
  // scattered position outside it.
  void require_block_of(std::size_t block_size) const;

  // Up to kChunk consecutive values: of floats, of doubles, or of two rows of floats to be subtracted; `positions`
  // where they go, empty for the elements from `offset` on.
  struct Chunk {
    std::size_t offset = 0;
    std::size_t count = 0;
    const float* floats = nullptr;
    const float* minus = nullptr;
    const double* doubles = nullptr;
    std::span<const std::uint32_t> positions;
  };
  static constexpr std::size_t kChunk = 1024;

  // Calls visit(const Chunk&) along all values; what has to be gathered passes through a buffer in the cache. Addends
  // that are contiguous come as one chunk of any size.
  template <class Visit>
  void for_each_chunk(const Visit& visit) const;

  // Whether all values are finite once scaled.
  bool is_finite() const;

 private:
  enum class Where : std::uint8_t { kAll, kPositions, kBitmap, kScattered };

  template <class T, class Emit>
  void gather(const T* from, const T* minus, const Emit& emit) const;

  const float* floats_ = nullptr;
  const float* minus_ = nullptr;
  const double* doubles_ = nullptr;
  std::size_t size_ = 0;  // of the arrays read
  std::size_t count_ = 0;
  std::span<const std::uint32_t> positions_;
  std::span<const std::uint64_t> bitmap_;
  double scale_ = 1.0;
  Where where_ = Where::kAll;
};

// Below: how the values are walked.

template <class T, class Emit>
void Addend::gather(const T* from, const T* minus, const Emit& emit) const {
  T values[kChunk];
  T subtracted[kChunk];
  std::size_t filled = 0, done = 0;
  const auto flush = [&] {
    if (filled > 0) emit(done, filled, values, minus != nullptr ? subtracted : nullptr);
    done += filled;
    filled = 0;
  };
  if (where_ == Where::kPositions) {
    while (done < positions_.size()) {
      const std::uint32_t* at = positions_.data() + done;
      filled = positions_.size() - done < kChunk ? positions_.size() - done : kChunk;
      for (std::size_t i = 0; i < filled; ++i) values[i] = from[at[i]];
      if (minus != nullptr) {
        for (std::size_t i = 0; i < filled; ++i) subtracted[i] = minus[at[i]];
      }
      flush();
    }
    return;
  }
  for (std::size_t w = 0; w < bitmap_.size(); ++w) {
    std::uint64_t word = bitmap_[w];
    if (filled > kChunk - 64) flush();
    for (; word != 0; word &= word - 1) {
      const std::size_t i = w * 64 + static_cast<std::size_t>(std::countr_zero(word));
      values[filled] = from[i];
      if (minus != nullptr) subtracted[filled] = minus[i];
      ++filled;
    }
  }
  flush();
}

template <class Visit>
void Addend::for_each_chunk(const Visit& visit) const {
  if (where_ == Where::kAll) {
    visit(Chunk{0, count_, floats_, minus_, doubles_, {}});
  } else if (where_ == Where::kScattered) {
    for (std::size_t at = 0; at < count_; at += kChunk) {
      const std::size_t n = count_ - at < kChunk ? count_ - at : kChunk;
      visit(Chunk{at, n, floats_ != nullptr ? floats_ + at : nullptr, minus_ != nullptr ? minus_ + at : nullptr,
                  doubles_ != nullptr ? doubles_ + at : nullptr, positions_.subspan(at, n)});
    }
  } else if (doubles_ != nullptr) {
    gather(doubles_, static_cast<const double*>(nullptr),
           [&](std::size_t offset, std::size_t n, const double* values, const double*) {
             visit(Chunk{offset, n, nullptr, nullptr, values, {}});
           });
  } else {
    gather(floats_, minus_, [&](std::size_t offset, std::size_t n, const float* values, const float* minus) {
      visit(Chunk{offset, n, values, minus, nullptr, {}});
    });
  }
}

}  // namespace coppice
