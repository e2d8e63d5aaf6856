// An append-only file of records that survives a crash at any byte: what was appended before is never lost or changed.
//
// A record is [u32 length][u32 crc32c of length and payload][payload], little-endian; an append returns once it is on
// disk. A crash can leave the last record unfinished: readers stop before it, and the next append replaces it. Damage
// anywhere else, recognized by a whole record that follows it, throws InputError.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/file.h"

namespace coppice {

using JournalRecord = std::vector<std::byte>;

inline constexpr std::uint32_t kMostRecordBytes = std::uint32_t{64} << 20;

struct JournalContents {
  std::vector<JournalRecord> records;
  std::uint64_t whole_bytes = 0;  // up to the end of the last whole record; anything behind it is unfinished
};

// `name` is the file in the errors.
JournalContents parse_journal(std::span<const std::byte> bytes, const std::string& name);
std::vector<JournalRecord> read_journal(const std::string& path);  // none where there is no file

class Journal {
 public:
  // Opens or creates the file and cuts off an unfinished record.
  explicit Journal(const std::string& path);

  const std::vector<JournalRecord>& records() const { return records_; }  // as found when opened

  // Throws Stopped on a full disk, with the file as it was before.
  void append(std::span<const std::byte> payload);
  void append(std::string_view text);

 private:
  std::string path_;
  FileDescriptor file_;
  std::vector<JournalRecord> records_;
  std::uint64_t bytes_ = 0;
};

}  // namespace coppice
