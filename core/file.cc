#include "core/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "core/error.h"

namespace coppice {
namespace {

namespace fs = std::filesystem;

// The file beside an absent one that was probably meant.
std::string nearest_sibling(const std::string& path) {
  constexpr int kMostEntries = 4096;
  const fs::path wanted(path);
  const fs::path folder = wanted.has_parent_path() ? wanted.parent_path() : fs::path(".");
  std::error_code failed;
  std::vector<std::string> names;
  fs::directory_iterator entries(folder, failed);
  for (int i = 0; !failed && i < kMostEntries && entries != fs::directory_iterator(); ++i, entries.increment(failed)) {
    names.push_back(entries->path().filename().string());
  }
  const std::string nearest = nearest_name(wanted.filename().string(), names);
  return nearest.empty() ? "" : " (did you mean '" + (wanted.parent_path() / nearest).string() + "'?)";
}

[[noreturn]] void fail_to_open(const std::string& path, int error) {
  if (error == ENOENT) throw InputError(path + ": no such file" + nearest_sibling(path));
  throw InputError(path + ": cannot be opened: " + std::strerror(error));
}

[[noreturn]] void fail_to_write(const std::string& path, int error) {
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) {
    throw Stopped(path + ": the disk is full or the quota is used up (" + std::strerror(error) +
                  "); what was there before is untouched");
  }
  throw InputError(path + ": cannot be written: " + std::strerror(error));
}

std::string folder_of(const std::string& path) {
  const fs::path parent = fs::path(path).parent_path();
  return parent.empty() ? "." : parent.string();
}

// Reads until `bytes` is full or the file ends; the number of bytes read.
std::size_t read_up_to(int descriptor, std::span<std::byte> bytes, const std::string& path) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::read(descriptor, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw InputError(path + ": cannot be read: " + std::strerror(errno));
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

void check_size(const std::string& path, std::uint64_t bytes, std::uint64_t max_bytes) {
  if (bytes <= max_bytes) return;
  throw InputError(path + ": found " + std::to_string(bytes) + " bytes; expected at most " + std::to_string(max_bytes));
}

}  // namespace

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

FileDescriptor::~FileDescriptor() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

int FileDescriptor::release() { return std::exchange(descriptor_, -1); }

FileDescriptor open_for_reading(const std::string& path, std::uint64_t* bytes) {
  // O_NONBLOCK: opening a pipe without a writer would wait for ever; on a regular file it has no
  // effect.
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) fail_to_open(path, errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) fail_to_open(path, errno);
  if (!S_ISREG(status.st_mode)) {
    throw InputError(path + ": found " + (S_ISDIR(status.st_mode) ? "a folder" : "a device or pipe") +
                     "; expected a file");
  }
  *bytes = static_cast<std::uint64_t>(status.st_size);
  return file;
}

std::vector<std::byte> read_file(const std::string& path, std::uint64_t max_bytes) {
  std::uint64_t size = 0;
  const FileDescriptor file = open_for_reading(path, &size);
  check_size(path, size, max_bytes);
  std::vector<std::byte> bytes(size);
  bytes.resize(read_up_to(file.get(), bytes, path));
  return bytes;
}

std::string read_text_file(const std::string& path, std::uint64_t max_bytes) {
  std::uint64_t size = 0;
  const FileDescriptor file = open_for_reading(path, &size);
  check_size(path, size, max_bytes);
  std::string text(size, '\0');
  text.resize(read_up_to(file.get(), std::as_writable_bytes(std::span(text.data(), text.size())), path));
  return text;
}

MappedFile::MappedFile(const std::string& path) {
  std::uint64_t size = 0;
  const FileDescriptor file = open_for_reading(path, &size);
  if (size == 0) return;  // an empty range cannot be mapped
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (address == MAP_FAILED) throw InputError(path + ": cannot be mapped: " + std::strerror(errno));
  bytes_ = {static_cast<const std::byte*>(address), size};
}

MappedFile::MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

void write_all(int descriptor, std::span<const std::byte> bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(descriptor, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_to_write(path, errno);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

void sync_file(int descriptor, const std::string& path) {
  if (::fsync(descriptor) != 0) fail_to_write(path, errno);
}

void sync_folder_of(const std::string& path) {
  const FileDescriptor folder(::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0) fail_to_open(folder_of(path), errno);
  // Some file systems cannot sync a folder; they order the rename themselves.
  if (::fsync(folder.get()) != 0 && errno != EINVAL && errno != ENOTSUP) fail_to_write(path, errno);
}

void write_file_atomically(const std::string& path, std::span<const std::span<const std::byte>> parts) {
  static std::atomic<unsigned> serial{0};
  const std::string temporary = path + ".tmp." + std::to_string(::getpid()) + "." + std::to_string(serial++);
  FileDescriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (file.get() < 0) fail_to_write(path, errno);
  try {
    for (const auto part : parts) write_all(file.get(), part, path);
    sync_file(file.get(), path);
    // close() is where some network file systems report that the disk is full.
    if (::close(file.release()) != 0) fail_to_write(path, errno);
    if (::rename(temporary.c_str(), path.c_str()) != 0) fail_to_write(path, errno);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  sync_folder_of(path);
}

void write_file_atomically(const std::string& path, std::string_view text) {
  const std::span<const std::byte> part = std::as_bytes(std::span(text.data(), text.size()));
  write_file_atomically(path, std::span(&part, 1));
}

FolderLock::FolderLock(const std::string& folder) {
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed) throw InputError(folder + ": the folder cannot be created: " + failed.message());
  const std::string path = (fs::path(folder) / ".lock").string();
  file_ = FileDescriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (file_.get() < 0) fail_to_write(path, errno);
  if (::flock(file_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) throw InputError(path + ": cannot be locked: " + std::strerror(errno));
    char owner[32] = {};
    const ssize_t n = ::pread(file_.get(), owner, sizeof owner - 1, 0);
    throw InputError(folder + ": the folder is in use by another run" +
                     (n > 0 ? " (process " + std::string(owner, strcspn(owner, "\n")) + ")" : "") +
                     "; wait for it, or choose another with --out");
  }
  const std::string self = std::to_string(::getpid()) + "\n";
  if (::ftruncate(file_.get(), 0) != 0) fail_to_write(path, errno);
  write_all(file_.get(), std::as_bytes(std::span(self.data(), self.size())), path);
}

}  // namespace coppice
