#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "core/error.h"
#include "core/file.h"

namespace coppice {
namespace {

struct InflateStream {
  z_stream z{};
  explicit InflateStream(const std::string& path) {
    constexpr int kGzipOnly = 16 + MAX_WBITS;
    if (inflateInit2(&z, kGzipOnly) != Z_OK) throw Error(path + ": zlib failed to initialize");
  }
  ~InflateStream() { inflateEnd(&z); }
};

}  // namespace

std::vector<std::byte> read_gzip(const std::string& path, std::uint64_t max_bytes) {
  const MappedFile file(path);
  std::span<const std::byte> left = file.bytes();
  if (left.size() < 2 || left[0] != std::byte{0x1f} || left[1] != std::byte{0x8b}) {
    throw InputError(path + ": found no gzip header; expected a gzip file");
  }
  constexpr std::uint64_t kChunk = std::uint64_t{1} << 20;
  max_bytes = std::min(max_bytes, std::uint64_t{1} << 62);
  std::vector<std::byte> out;
  std::size_t filled = 0;
  InflateStream stream(path);
  bool member_ended = false;
  while (!left.empty()) {
    if (member_ended) {
      inflateReset(&stream.z);
      member_ended = false;
    }
    // Grown as the data comes, never from a size the file claims; one byte more than allowed shows
    // that it is too long.
    if (filled == out.size()) {
      if (filled > max_bytes) break;
      out.resize(std::min<std::uint64_t>(std::max<std::uint64_t>(kChunk, 2 * filled), max_bytes + 1));
    }
    const auto in_bytes = std::min<std::size_t>(left.size(), std::numeric_limits<uInt>::max());
    const auto out_bytes = std::min<std::size_t>(out.size() - filled, std::numeric_limits<uInt>::max());
    stream.z.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(left.data()));
    stream.z.avail_in = static_cast<uInt>(in_bytes);
    stream.z.next_out = reinterpret_cast<Bytef*>(out.data() + filled);
    stream.z.avail_out = static_cast<uInt>(out_bytes);
    const int status = inflate(&stream.z, Z_NO_FLUSH);
    left = left.subspan(in_bytes - stream.z.avail_in);
    filled += out_bytes - stream.z.avail_out;
    if (status == Z_STREAM_END) {
      member_ended = true;
    } else if (status != Z_OK && status != Z_BUF_ERROR) {
      throw InputError(path + ": corrupt gzip data" +
                       (stream.z.msg != nullptr ? std::string(" (") + stream.z.msg + ")" : "") + " after " +
                       std::to_string(filled) + " bytes of content");
    }
    if (filled > max_bytes) break;
  }
  if (filled > max_bytes) {
    throw InputError(path + ": found more than " + std::to_string(max_bytes) +
                     " bytes of content; expected at most that");
  }
  if (!member_ended)
    throw InputError(path + ": the gzip file ends early, after " + std::to_string(filled) + " bytes of content");
  out.resize(filled);
  return out;
}

}  // namespace coppice
