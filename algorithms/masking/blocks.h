// A matrix cut into the pieces that a pattern keeps or drops together.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/arena.h"
#include "models/mask.h"
#include "models/prunable_structure.h"
#include "algorithms/masking/pattern.h"

namespace coppice {

// Pieces of `rows` outputs by `cols` consecutive inputs, numbered by block of outputs, then kernel position, then
// inputs. In a convolution consecutive inputs are channels at one kernel position: elements `spatial` apart.
class Blocks {
 public:
  // Single weights for unstructured and for a program's own; rows of M inputs for N:M; R x C for vectors, with all outputs where there are
  // fewer than R. Throws InputError, naming tensor, size and pattern, where the sizes do not divide.
  Blocks(const ArenaEntry& entry, const Pattern& pattern);

  std::int64_t count() const { return row_blocks_ * spatial_ * col_blocks_; }
  std::int64_t weights() const { return rows_ * cols_; }  // of one piece

  // Calls visit(element index) for each weight of a piece.
  template <class Visit>
  void for_each(std::int64_t piece, const Visit& visit) const {
    const std::int64_t col_block = piece % col_blocks_;
    const std::int64_t position = piece / col_blocks_ % spatial_;
    const std::int64_t row_block = piece / col_blocks_ / spatial_;
    for (std::int64_t r = row_block * rows_; r < (row_block + 1) * rows_; ++r) {
      for (std::int64_t c = col_block * cols_; c < (col_block + 1) * cols_; ++c) {
        visit(r * inputs_ * spatial_ + c * spatial_ + position);
      }
    }
  }

  // Mean score of each piece.
  std::vector<float> scores(std::span<const float> elements) const;
  // The bits of the pieces that are kept.
  Bits bits(std::span<const std::int64_t> kept) const;

 private:
  std::int64_t rows_ = 1;
  std::int64_t cols_ = 1;
  std::int64_t inputs_ = 1;   // input channels
  std::int64_t spatial_ = 1;  // kernel positions
  std::int64_t row_blocks_ = 1;
  std::int64_t col_blocks_ = 1;
};

// Positions of the `count` largest values, ascending; among equal ones the lower position wins. O(n).
std::vector<std::int64_t> top_positions(std::span<const float> values, std::int64_t count);

}  // namespace coppice
