#include "models/graph/archive.h"

#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "core/error.h"

namespace coppice::graph {
namespace {

constexpr std::uint32_t kLocalHeader = 0x04034b50, kCentralHeader = 0x02014b50, kEnd = 0x06054b50;
constexpr std::uint32_t kEnd64 = 0x06064b50, kLocator64 = 0x07064b50;
constexpr std::size_t kLocalSize = 30, kCentralSize = 46, kEndSize = 22, kEnd64Size = 56, kLocatorSize = 20;
constexpr std::uint32_t kSee64 = 0xffffffff;
constexpr std::uint16_t kSee64Short = 0xffff, kExtra64 = 0x0001, kEncrypted = 0x0001;
constexpr std::size_t kLongestComment = 0xffff;
constexpr std::uint64_t kMostEntries = 1 << 20;

class Reader {
 public:
  Reader(const std::string& name, std::span<const std::byte> bytes) : name_(name), bytes_(bytes) {}

  [[noreturn]] void refuse(const std::string& why) const { throw InputError(name_ + ": not a .pt2 archive: " + why); }

  std::span<const std::byte> at(std::uint64_t offset, std::uint64_t size, const char* what) const {
    if (offset > bytes_.size() || size > bytes_.size() - offset) refuse(std::string(what) + " leaves the file");
    return bytes_.subspan(offset, size);
  }
  template <class Word>
  static Word word(std::span<const std::byte> bytes, std::size_t offset) {
    Word value;
    std::memcpy(&value, bytes.data() + offset, sizeof(Word));
    return value;
  }
  std::size_t size() const { return bytes_.size(); }

 private:
  const std::string& name_;
  std::span<const std::byte> bytes_;
};

struct Directory {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint64_t entries = 0;
};

std::uint64_t end_record(const Reader& file) {
  if (file.size() < kEndSize) file.refuse("too short");
  const std::uint64_t last = file.size() - kEndSize, first = last > kLongestComment ? last - kLongestComment : 0;
  for (std::uint64_t at = last + 1; at-- > first;) {
    const auto record = file.at(at, kEndSize, "the end record");
    if (Reader::word<std::uint32_t>(record, 0) != kEnd) continue;
    if (at + kEndSize + Reader::word<std::uint16_t>(record, 20) == file.size()) return at;
  }
  file.refuse("no end record");
}

Directory directory_of(const Reader& file) {
  const std::uint64_t end = end_record(file);
  const auto record = file.at(end, kEndSize, "the end record");
  Directory directory{Reader::word<std::uint32_t>(record, 16), Reader::word<std::uint32_t>(record, 12),
                      Reader::word<std::uint16_t>(record, 10)};
  if (Reader::word<std::uint16_t>(record, 4) != Reader::word<std::uint16_t>(record, 6)) file.refuse("in several parts");
  if (directory.offset == kSee64 || directory.size == kSee64 || directory.entries == kSee64Short) {
    if (end < kLocatorSize) file.refuse("no zip64 locator");
    const auto locator = file.at(end - kLocatorSize, kLocatorSize, "the zip64 locator");
    if (Reader::word<std::uint32_t>(locator, 0) != kLocator64) file.refuse("no zip64 locator");
    const auto wide = file.at(Reader::word<std::uint64_t>(locator, 8), kEnd64Size, "the zip64 end record");
    if (Reader::word<std::uint32_t>(wide, 0) != kEnd64) file.refuse("no zip64 end record");
    directory = {Reader::word<std::uint64_t>(wide, 48), Reader::word<std::uint64_t>(wide, 40), Reader::word<std::uint64_t>(wide, 32)};
  }
  if (directory.entries > kMostEntries) file.refuse("found " + std::to_string(directory.entries) + " entries");
  return directory;
}

// Sizes that do not fit 32 bits stand in an extra field, in this order and only those.
void read_extra64(const Reader& file, std::span<const std::byte> extra, std::initializer_list<std::uint64_t*> fields) {
  for (std::size_t at = 0; at + 4 <= extra.size();) {
    const auto id = Reader::word<std::uint16_t>(extra, at), size = Reader::word<std::uint16_t>(extra, at + 2);
    if (at + 4 + size > extra.size()) file.refuse("an extra field leaves its entry");
    std::size_t next = at + 4;
    for (std::uint64_t* field : fields) {
      if (id != kExtra64 || *field != kSee64) continue;
      if (next + 8 > at + 4 + size) file.refuse("a zip64 field is too short");
      *field = Reader::word<std::uint64_t>(extra, next);
      next += 8;
    }
    at += 4 + std::size_t{size};
  }
}

std::string_view text(std::span<const std::byte> bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

void check_path(const Reader& file, std::string_view path) {
  bool inside = !path.empty() && path.front() != '/' && path.find('\\') == path.npos && path.find('\0') == path.npos;
  for (std::size_t start = 0; inside && start <= path.size();) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    const std::string_view part = path.substr(start, end - start);
    inside = !part.empty() && part != "." && part != "..";
    start = end + 1;
  }
  if (!inside) file.refuse("entry " + coppice::quoted(path) + " leaves the archive's folder");
}

}  // namespace

Archive::Archive(std::string name, std::span<const std::byte> bytes) : name_(std::move(name)) {
  const Reader file(name_, bytes);
  const Directory directory = directory_of(file);
  const auto central = file.at(directory.offset, directory.size, "the directory");
  std::vector<std::pair<std::uint64_t, std::uint64_t>> extents;
  std::string folder;
  std::size_t at = 0;
  for (std::uint64_t i = 0; i < directory.entries; ++i) {
    if (central.size() - at < kCentralSize) file.refuse("the directory is cut short");
    const auto header = central.subspan(at);
    if (Reader::word<std::uint32_t>(header, 0) != kCentralHeader) file.refuse("the directory is corrupt");
    const std::size_t path_size = Reader::word<std::uint16_t>(header, 28), extra_size = Reader::word<std::uint16_t>(header, 30);
    const std::size_t whole = kCentralSize + path_size + extra_size + Reader::word<std::uint16_t>(header, 32);
    if (whole > header.size()) file.refuse("the directory is cut short");
    const std::string_view path = text(header.subspan(kCentralSize, path_size));
    check_path(file, path);
    const std::string entry = "entry " + coppice::quoted(path);
    std::uint64_t packed = Reader::word<std::uint32_t>(header, 20), size = Reader::word<std::uint32_t>(header, 24);
    std::uint64_t local = Reader::word<std::uint32_t>(header, 42);
    read_extra64(file, header.subspan(kCentralSize + path_size, extra_size), {&size, &packed, &local});
    if (Reader::word<std::uint16_t>(header, 10) != 0 || packed != size) file.refuse(entry + " is compressed; expected it stored");
    if ((Reader::word<std::uint16_t>(header, 8) & kEncrypted) != 0) file.refuse(entry + " is encrypted");
    const auto before = file.at(local, kLocalSize, "an entry");
    if (Reader::word<std::uint32_t>(before, 0) != kLocalHeader) file.refuse(entry + " has no header");
    const std::uint64_t start = local + kLocalSize + Reader::word<std::uint16_t>(before, 26) + Reader::word<std::uint16_t>(before, 28);
    if (text(file.at(local + kLocalSize, Reader::word<std::uint16_t>(before, 26), "an entry's name")) != path) {
      file.refuse(entry + " has two names");
    }
    const auto values = file.at(start, size, "an entry");
    extents.emplace_back(local, start + size);
    const std::size_t slash = path.find('/');
    if (slash == path.npos) file.refuse(entry + " stands outside the archive's folder");
    if (folder.empty()) folder = path.substr(0, slash);
    if (path.substr(0, slash) != folder) file.refuse(entry + " stands outside " + coppice::quoted(folder));
    if (!entries_.try_emplace(std::string(path.substr(slash + 1)), Entry{values, Reader::word<std::uint32_t>(header, 16)}).second) {
      file.refuse(entry + " stands twice");
    }
    at += whole;
  }
  std::sort(extents.begin(), extents.end());
  for (std::size_t i = 1; i < extents.size(); ++i) {
    if (extents[i].first < extents[i - 1].second) file.refuse("two entries overlap");
  }
}

std::span<const std::byte> Archive::bytes_of(std::string_view entry) const {
  const auto found = entries_.find(entry);
  if (found == entries_.end())
    throw InputError(name_ + ": entry " + coppice::quoted(entry) + " is missing; expected an archive of torch.export.save");
  const auto& [bytes, expected] = found->second;
  const auto* data = reinterpret_cast<const Bytef*>(bytes.data());
  if (crc32_z(0, data, bytes.size()) != expected)
    throw InputError(name_ + ": entry " + coppice::quoted(entry) + " is corrupt: its checksum differs");
  return bytes;
}

std::string_view Archive::text_of(std::string_view entry) const { return text(bytes_of(entry)); }

}  // namespace coppice::graph
