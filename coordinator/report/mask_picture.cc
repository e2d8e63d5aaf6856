#include "coordinator/report/mask_picture.h"

#include <algorithm>

#include "core/error.h"

namespace coppice {
namespace {

constexpr std::uint8_t kKeptShade = 255;

bool bit_at(std::span<const std::uint64_t> words, std::int64_t i) {
  return (words[static_cast<std::size_t>(i >> 6)] >> (i & 63) & 1U) != 0;
}

}  // namespace

MaskPicture picture_of_units(std::span<const std::uint8_t> kept) {
  MaskPicture picture;
  if (kept.empty() || static_cast<std::int64_t>(kept.size()) > kMostPictureUnits) return picture;
  picture.form = MaskPicture::Form::kUnits;
  picture.rows = 1;
  picture.columns = static_cast<std::int64_t>(kept.size());
  for (const std::uint8_t unit : kept) picture.shades.push_back(unit != 0 ? kKeptShade : 0);
  return picture;
}

MaskPicture picture_of_matrix(std::int64_t rows_O, std::int64_t cols_I, std::span<const std::uint64_t> words) {
  const auto held = static_cast<std::int64_t>(words.size()) * 64;
  if (rows_O < 1 || cols_I < 1 || rows_O > held / cols_I) {
    throw Error("picture of a " + std::to_string(rows_O) + " x " + std::to_string(cols_I) + " matrix from " +
                std::to_string(held) + " bits");
  }
  const bool exact = rows_O * cols_I <= kMostPictureBits;
  MaskPicture picture;
  picture.form = exact ? MaskPicture::Form::kBits : MaskPicture::Form::kShades;
  picture.rows = exact ? rows_O : std::min(rows_O, kPictureSide);
  picture.columns = exact ? cols_I : std::min(cols_I, kPictureSide);
  picture.shades.reserve(static_cast<std::size_t>(picture.rows * picture.columns));
  for (std::int64_t r = 0; r < picture.rows; ++r) {
    const std::int64_t top = r * rows_O / picture.rows, bottom = (r + 1) * rows_O / picture.rows;
    for (std::int64_t c = 0; c < picture.columns; ++c) {
      const std::int64_t left = c * cols_I / picture.columns, right = (c + 1) * cols_I / picture.columns;
      std::int64_t kept = 0;
      for (std::int64_t o = top; o < bottom; ++o) {
        for (std::int64_t i = left; i < right; ++i) kept += bit_at(words, o * cols_I + i) ? 1 : 0;
      }
      const std::int64_t cells = (bottom - top) * (right - left);
      const std::int64_t shade = (kept * kKeptShade + cells / 2) / cells;
      picture.shades.push_back(static_cast<std::uint8_t>(kept > 0 ? std::max<std::int64_t>(shade, 1) : 0));
    }
  }
  return picture;
}

}  // namespace coppice
