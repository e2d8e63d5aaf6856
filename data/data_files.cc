#include "data/data_files.h"

#include <cstdint>
#include <cstdlib>
#include <filesystem>

#include "core/error.h"
#include "core/file.h"

namespace coppice {
namespace {

namespace fs = std::filesystem;

// Far above what fits in memory today: it only stops an endless stream.
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 40;

bool exists(const std::string& path) {
  std::error_code failed;
  return fs::exists(path, failed);
}

}  // namespace

bool has_data_file(const std::string& path) { return exists(path) || exists(path + ".gz"); }

std::string in_data_dir(const std::string& name) {
  const char* folder = std::getenv("COPPICE_DATA_DIR");
  return folder == nullptr || *folder == '\0' ? "" : (fs::path(folder) / name).string();
}

std::string resolve_data_path(const std::string& path) {
  if (path.empty()) throw InputError("a path to data is empty; expected a file or folder");
  if (fs::path(path).is_absolute()) return path;
  const std::string below = in_data_dir(path);
  if (!below.empty() && has_data_file(below)) return below;
  if (has_data_file(path)) return path;
  throw InputError(path + ": found neither " +
                   (below.empty() ? "under $COPPICE_DATA_DIR (which is not set)" : "as " + below) +
                   " nor in the current folder");
}

std::string folder_with(const std::string& file, const std::vector<std::string>& folders, const std::string& source) {
  std::string looked;
  for (const std::string& folder : folders) {
    if (folder.empty()) continue;
    if (has_data_file((fs::path(folder) / file).string())) return folder;
    looked += (looked.empty() ? "" : ", ") + folder;
  }
  throw InputError(source + ": found no " + file + " or " + file + ".gz in " + looked);
}

std::string plain_or_gzip(const std::string& path) {
  return !exists(path) && exists(path + ".gz") ? path + ".gz" : path;
}

std::vector<std::byte> read_data_file(const std::string& path) {
  {
    const MappedFile file(path);
    const auto bytes = file.bytes();
    const bool gzip = bytes.size() >= 2 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b};
    if (!gzip) return {bytes.begin(), bytes.end()};
  }
  return read_gzip(path, kMostBytes);
}

}  // namespace coppice
