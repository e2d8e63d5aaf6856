#include "core/journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <limits>
#include <optional>

#include "core/crc32c.h"
#include "core/error.h"

namespace coppice {
namespace {

constexpr std::size_t kHeaderBytes = 8;

std::uint32_t load_u32(std::span<const std::byte> bytes) {
  std::uint32_t value = 0;
  for (int i = 3; i >= 0; --i) value = value << 8 | std::to_integer<std::uint32_t>(bytes[static_cast<std::size_t>(i)]);
  return value;
}

void store_u32(std::uint32_t value, std::byte* to) {
  for (int i = 0; i < 4; ++i) to[i] = static_cast<std::byte>(value >> (8 * i));
}

std::uint32_t record_crc(std::span<const std::byte> length, std::span<const std::byte> payload) {
  return crc32c(payload, crc32c(length, 0));
}

// The payload of a whole record at the start of `bytes`. `*budget` is how many bytes may still be hashed.
std::optional<std::span<const std::byte>> whole_record(std::span<const std::byte> bytes, std::uint64_t* budget) {
  if (bytes.size() < kHeaderBytes) return std::nullopt;
  const std::uint32_t length = load_u32(bytes);
  if (length > kMostRecordBytes || length > bytes.size() - kHeaderBytes || length > *budget) return std::nullopt;
  *budget -= length;
  const auto payload = bytes.subspan(kHeaderBytes, length);
  if (record_crc(bytes.first(4), payload) != load_u32(bytes.subspan(4))) return std::nullopt;
  return payload;
}

// Whether some whole record starts after the first byte: then what precedes it is damaged, not unfinished. The search
// is bounded; it starts nearby, where the successor of a damaged record is.
bool holds_a_later_record(std::span<const std::byte> bytes) {
  constexpr std::uint64_t kMostHashed = std::uint64_t{64} << 20;
  std::uint64_t budget = kMostHashed;
  for (std::size_t at = 1; at + kHeaderBytes <= bytes.size(); ++at) {
    if (whole_record(bytes.subspan(at), &budget)) return true;
  }
  return false;
}

}  // namespace

JournalContents parse_journal(std::span<const std::byte> bytes, const std::string& name) {
  JournalContents contents;
  std::uint64_t unbounded = std::numeric_limits<std::uint64_t>::max();
  while (contents.whole_bytes < bytes.size()) {
    const auto rest = bytes.subspan(contents.whole_bytes);
    const auto payload = whole_record(rest, &unbounded);
    if (!payload) {
      if (holds_a_later_record(rest)) {
        throw InputError(name + ": record " + std::to_string(contents.records.size()) + " at byte " +
                         std::to_string(contents.whole_bytes) + " is damaged, and whole records follow it");
      }
      break;
    }
    contents.records.emplace_back(payload->begin(), payload->end());
    contents.whole_bytes += kHeaderBytes + payload->size();
  }
  return contents;
}

std::vector<JournalRecord> read_journal(const std::string& path) {
  std::error_code failed;
  if (!std::filesystem::exists(path, failed) && !failed) return {};
  const MappedFile file(path);
  return parse_journal(file.bytes(), path).records;
}

Journal::Journal(const std::string& path) : path_(path) {
  file_ = FileDescriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (file_.get() < 0) throw InputError(path + ": cannot be opened: " + std::strerror(errno));
  std::uint64_t found = 0;
  {
    const MappedFile mapped(path);
    found = mapped.bytes().size();
    JournalContents contents = parse_journal(mapped.bytes(), path);
    records_ = std::move(contents.records);
    bytes_ = contents.whole_bytes;
  }
  if (bytes_ < found && ::ftruncate(file_.get(), static_cast<off_t>(bytes_)) != 0) {
    throw InputError(path + ": cannot be cut to its whole records: " + std::strerror(errno));
  }
  sync_file(file_.get(), path);
  sync_folder_of(path);
}

void Journal::append(std::span<const std::byte> payload) {
  if (payload.size() > kMostRecordBytes) {
    throw Error(path_ + ": a record of " + std::to_string(payload.size()) + " bytes; expected at most " +
                std::to_string(kMostRecordBytes));
  }
  std::vector<std::byte> record(kHeaderBytes + payload.size());
  store_u32(static_cast<std::uint32_t>(payload.size()), record.data());
  store_u32(record_crc(std::span(record).first(4), payload), record.data() + 4);
  std::copy(payload.begin(), payload.end(), record.begin() + kHeaderBytes);
  try {
    if (::lseek(file_.get(), static_cast<off_t>(bytes_), SEEK_SET) < 0) {
      throw InputError(path_ + ": cannot be written: " + std::strerror(errno));
    }
    write_all(file_.get(), record, path_);
    sync_file(file_.get(), path_);
  } catch (...) {
    // Should even this fail, the half record is unfinished and goes with the next open.
    [[maybe_unused]] const int ignored = ::ftruncate(file_.get(), static_cast<off_t>(bytes_));
    throw;
  }
  bytes_ += record.size();
}

void Journal::append(std::string_view text) { append(std::as_bytes(std::span(text.data(), text.size()))); }

}  // namespace coppice
