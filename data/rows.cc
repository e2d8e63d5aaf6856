#include "data/rows.h"

#include <algorithm>

#include "core/error.h"

namespace coppice {

PieceIndex::Place PieceIndex::find(std::int64_t i) const {
  const auto next = std::upper_bound(firsts_.begin() + 1, firsts_.end(), i);
  const auto piece = static_cast<std::size_t>(next - firsts_.begin() - 1);
  return {piece, i - firsts_[piece]};
}

Rows::Rows(std::vector<SharedBytes> pieces, std::int64_t row_bytes)
    : pieces_(std::move(pieces)), row_bytes_(row_bytes) {
  if (row_bytes_ < 1) throw Error("rows of " + std::to_string(row_bytes_) + " bytes");
  for (const SharedBytes& piece : pieces_) {
    const auto bytes = static_cast<std::int64_t>(piece.bytes.size());
    if (bytes % row_bytes_ != 0) {
      throw Error(std::to_string(bytes) + " bytes are no whole number of rows of " + std::to_string(row_bytes_));
    }
    index_.add_piece(bytes / row_bytes_);
  }
}

const std::byte* Rows::row(std::int64_t i) const {
  const auto [piece, row] = index_.find(i);
  return pieces_[piece].bytes.data() + row * row_bytes_;
}

Digest Rows::digest() const {
  Hasher hasher;
  for (const SharedBytes& piece : pieces_) hasher.add(piece.bytes);
  return hasher.finish();
}

}  // namespace coppice
