// Bytes that outlive whoever made them, and equal-sized rows over several such pieces (one piece a file).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "core/digest.h"

namespace coppice {

// A view kept valid by `owner`: a vector, or a mapped file.
struct SharedBytes {
  std::shared_ptr<const void> owner;
  std::span<const std::byte> bytes;

  template <class T>
  static SharedBytes of(std::vector<T> values) {
    auto owner = std::make_shared<const std::vector<T>>(std::move(values));
    const auto bytes = std::as_bytes(std::span<const T>(*owner));
    return {std::move(owner), bytes};
  }
};

// Which piece holds row i, and where in it.
class PieceIndex {
 public:
  struct Place {
    std::size_t piece;
    std::int64_t row;
  };
  void add_piece(std::int64_t rows) { firsts_.push_back(firsts_.back() + rows); }
  std::int64_t size() const { return firsts_.back(); }
  Place find(std::int64_t i) const;  // 0 <= i < size(), unchecked

 private:
  std::vector<std::int64_t> firsts_{0};  // first row of each piece, then the number of rows
};

// `size()` rows of `row_bytes` each. Every piece holds whole rows; anything else is a defect of the caller (Error).
class Rows {
 public:
  Rows(std::vector<SharedBytes> pieces, std::int64_t row_bytes);

  std::int64_t size() const { return index_.size(); }
  std::int64_t row_bytes() const { return row_bytes_; }
  const std::byte* row(std::int64_t i) const;  // 0 <= i < size(), unchecked
  Digest digest() const;                       // of all bytes in order, whatever the pieces

 private:
  std::vector<SharedBytes> pieces_;
  PieceIndex index_;
  std::int64_t row_bytes_;
};

}  // namespace coppice
