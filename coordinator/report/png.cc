#include "coordinator/report/png.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <vector>

#include "core/error.h"

namespace coppice {
namespace {

constexpr std::array<char, 3> kAccent = {static_cast<char>(0x2F), static_cast<char>(0x9E), static_cast<char>(0x6E)};

void put_u32(std::string& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xFFU);
}

void put_chunk(std::string& out, const std::string& type, const std::string& content) {
  put_u32(out, static_cast<std::uint32_t>(content.size()));
  const std::string checked = type + content;
  out += checked;
  put_u32(out, static_cast<std::uint32_t>(
                   crc32(0, reinterpret_cast<const Bytef*>(checked.data()), static_cast<uInt>(checked.size()))));
}

std::string compressed(const std::string& raw) {
  uLongf size = compressBound(static_cast<uLong>(raw.size()));
  std::string out(size, '\0');
  if (compress2(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(raw.data()),
                static_cast<uLong>(raw.size()), Z_BEST_COMPRESSION) != Z_OK) {
    throw Error("zlib could not compress an image of " + std::to_string(raw.size()) + " bytes");
  }
  out.resize(size);
  return out;
}

constexpr const char* kSignature = "\x89PNG\r\n\x1A\n";

}  // namespace

std::string pixels_to_png(std::int64_t rows, std::int64_t columns, std::int64_t channels, std::span<const std::uint8_t> pixels) {
  const std::int64_t row_bytes = columns * channels;
  if (rows < 1 || columns < 1 || (channels != 1 && channels != 3) || static_cast<std::int64_t>(pixels.size()) != rows * row_bytes) {
    throw Error("image of " + std::to_string(rows) + " x " + std::to_string(columns) + " x " + std::to_string(channels) + " from " +
                std::to_string(pixels.size()) + " bytes");
  }
  std::string header;
  put_u32(header, static_cast<std::uint32_t>(columns));
  put_u32(header, static_cast<std::uint32_t>(rows));
  header += '\x08';                         // bits a channel
  header += channels == 1 ? '\0' : '\2';     // grey or red, green, blue
  header += std::string("\0\0\0", 3);       // deflate, no filter, not interlaced
  std::string raw;
  for (std::int64_t r = 0; r < rows; ++r) {
    raw += '\0';  // no filter
    raw.append(reinterpret_cast<const char*>(pixels.data()) + r * row_bytes, static_cast<std::size_t>(row_bytes));
  }
  std::string png = kSignature;
  put_chunk(png, "IHDR", header);
  put_chunk(png, "IDAT", compressed(raw));
  put_chunk(png, "IEND", "");
  return png;
}

std::string shades_to_png(std::int64_t rows, std::int64_t columns, std::span<const std::uint8_t> shades) {
  if (rows < 1 || columns < 1 || shades.size() != static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns)) {
    throw Error("image of " + std::to_string(rows) + " x " + std::to_string(columns) + " from " +
                std::to_string(shades.size()) + " pixels");
  }
  const bool two_shades = std::all_of(shades.begin(), shades.end(), [](auto s) { return s == 0 || s == 255; });
  std::string header;
  put_u32(header, static_cast<std::uint32_t>(columns));
  put_u32(header, static_cast<std::uint32_t>(rows));
  header += static_cast<char>(two_shades ? 1 : 8);  // bits a pixel
  header += std::string("\3\0\0\0", 4);             // palette, deflate, no filter, not interlaced
  std::string palette, strengths;
  for (int i = 0; i < (two_shades ? 2 : 256); ++i) {
    palette.append(kAccent.data(), kAccent.size());
    strengths += static_cast<char>(two_shades ? i * 255 : i);
  }
  std::string raw;
  for (std::int64_t r = 0; r < rows; ++r) {
    const auto row = shades.subspan(static_cast<std::size_t>(r * columns), static_cast<std::size_t>(columns));
    raw += '\0';  // no filter
    if (!two_shades) {
      raw.append(reinterpret_cast<const char*>(row.data()), row.size());
      continue;
    }
    for (std::size_t at = 0; at < row.size(); at += 8) {
      unsigned byte = 0;
      for (std::size_t k = 0; k < 8; ++k) byte = byte << 1 | (at + k < row.size() && row[at + k] != 0 ? 1U : 0U);
      raw += static_cast<char>(byte);
    }
  }
  std::string png = kSignature;
  put_chunk(png, "IHDR", header);
  put_chunk(png, "PLTE", palette);
  put_chunk(png, "tRNS", strengths);
  put_chunk(png, "IDAT", compressed(raw));
  put_chunk(png, "IEND", "");
  return png;
}

}  // namespace coppice
