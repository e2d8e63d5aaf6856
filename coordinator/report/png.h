// Small PNGs (ISO/IEC 15948): how masks, large confusion matrices and examples get into HTML pages.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace coppice {

// One colour in 256 strengths. One pixel a shade, row-major: 0 = transparent, 255 = the report's accent colour, opaque. Pictures of only 0 and 255
// take one bit a pixel before compression. `rows`, `columns` >= 1 and rows * columns == shades.size().
std::string shades_to_png(std::int64_t rows, std::int64_t columns, std::span<const std::uint8_t> shades);

// An image as data sets keep it: [rows, columns, channels] bytes, 1 channel (grey) or 3 (red, green, blue).
std::string pixels_to_png(std::int64_t rows, std::int64_t columns, std::int64_t channels, std::span<const std::uint8_t> pixels);

}  // namespace coppice
