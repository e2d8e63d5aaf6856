// What a person sees of a mask: the kept bitmap of one layer, reduced to tile averages where the layer is too large to
// draw.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace coppice {

constexpr std::int64_t kMostPictureUnits = 16384;  // units of one family drawn one by one
constexpr std::int64_t kMostPictureBits = 65536;   // weights of one matrix drawn one by one
constexpr std::int64_t kPictureSide = 96;          // tiles a side of a reduced matrix, at most

struct MaskPicture {
  enum class Form : std::uint8_t {
    kNone,    // nothing to draw
    kUnits,   // a family of `columns` units: shades 0 or 255, one row
    kBits,    // a matrix drawn whole: shades 0 or 255
    kShades,  // a matrix reduced to tiles: 255 * the kept fraction of the tile, rounded; 0 only where nothing is kept
  };
  Form form = Form::kNone;
  std::int64_t rows = 0;  // of the drawing, in cells
  std::int64_t columns = 0;
  std::vector<std::uint8_t> shades;  // rows * columns, row-major

  bool operator==(const MaskPicture&) const = default;
};

// One entry a unit, non-zero = kept. More than kMostPictureUnits units are left undrawn (kNone).
MaskPicture picture_of_units(std::span<const std::uint8_t> kept);

// `words` holds rows_O * cols_I bits in row-major order, little-endian within a word, set = kept. Up to
// kMostPictureBits the picture is exact; beyond it the matrix is cut into at most kPictureSide x kPictureSide tiles,
// equal to within one weight a side.
MaskPicture picture_of_matrix(std::int64_t rows_O, std::int64_t cols_I, std::span<const std::uint64_t> words);

}  // namespace coppice
