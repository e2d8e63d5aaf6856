// Files as the rest of the code wants them: bounded reads, read-only maps, atomic writes, a lock on
// a folder, gzip.
//
// A path that is absent, unreadable or of the wrong kind, and content that is too large or corrupt,
// throw InputError with the path first. A full disk throws Stopped: whatever was there before is
// untouched and a resume may go on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace coppice {

// An open file descriptor, closed with its owner.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int descriptor) : descriptor_(descriptor) {}
  FileDescriptor(FileDescriptor&& other) noexcept : descriptor_(other.release()) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor();

  int get() const { return descriptor_; }
  int release();

 private:
  int descriptor_ = -1;
};

// Opens a regular file for reading; its size in bytes goes to `*bytes`.
FileDescriptor open_for_reading(const std::string& path, std::uint64_t* bytes);

std::vector<std::byte> read_file(const std::string& path, std::uint64_t max_bytes);
std::string read_text_file(const std::string& path, std::uint64_t max_bytes);

// The inflated content of a gzip file (one or more members), at most `max_bytes` of it.
std::vector<std::byte> read_gzip(const std::string& path, std::uint64_t max_bytes);

// A file's bytes without a copy. The file must not be shortened by others while it is mapped.
class MappedFile {
 public:
  explicit MappedFile(const std::string& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
};

// Writes all of `bytes`, or throws as write_file_atomically does.
void write_all(int descriptor, std::span<const std::byte> bytes, const std::string& path);

// Makes what was written durable.
void sync_file(int descriptor, const std::string& path);
void sync_folder_of(const std::string& path);

// Replaces `path` by the concatenation of `parts`: a temporary file in the same folder, fsync,
// rename, fsync of the folder. A reader sees the old content or the new one, also after a power
// cut.
void write_file_atomically(const std::string& path, std::span<const std::span<const std::byte>> parts);
void write_file_atomically(const std::string& path, std::string_view text);

// Holds a folder for one process: a second one gets an InputError at once. Creates the folder;
// leaves `.lock` behind in it.
class FolderLock {
 public:
  explicit FolderLock(const std::string& folder);

 private:
  FileDescriptor file_;
};

}  // namespace coppice
