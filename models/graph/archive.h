// The archive that torch.export.save writes: a zip file of stored entries under one folder, read strictly. Never inflates,
// never executes anything; an entry's bytes are the file's own.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace coppice::graph {

class Archive {
 public:
  // `name` is used in messages, `bytes` must outlive the archive. Throws InputError on anything but a whole zip file (zip64
  // included) of stored entries that do not overlap, with names that stay inside, none twice. Checksums are looked at when an
  // entry is taken.
  Archive(std::string name, std::span<const std::byte> bytes);

  const std::string& name() const { return name_; }
  bool contains(std::string_view entry) const { return entries_.contains(entry); }
  // An entry by its path below the archive's folder ("models/model.json"). Throws InputError where it is missing or corrupt.
  std::span<const std::byte> bytes_of(std::string_view entry) const;
  std::string_view text_of(std::string_view entry) const;
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }

 private:
  struct Entry {
    std::span<const std::byte> bytes;
    std::uint32_t crc32 = 0;
  };

  std::string name_;
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace coppice::graph
