// A small PNG (ISO/IEC 15948) of one colour in 256 strengths: how masks and large confusion matrices get into
// report.html.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace coppice {

// One pixel a shade, row-major: 0 = transparent, 255 = the report's accent colour, opaque. Pictures of only 0 and 255
// take one bit a pixel before compression. `rows`, `columns` >= 1 and rows * columns == shades.size().
std::string shades_to_png(std::int64_t rows, std::int64_t columns, std::span<const std::uint8_t> shades);

}  // namespace coppice
