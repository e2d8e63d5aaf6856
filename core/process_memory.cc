#include "core/process_memory.h"

#include <malloc.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

#include <sys/resource.h>

namespace coppice {
namespace {

// A "VmHWM:   1234 kB" line in bytes; 0 where there is none.
std::uint64_t line_bytes(const char* file, const char* key) {
  std::ifstream status(file);
  std::string word;
  while (status >> word) {
    std::uint64_t kib = 0;
    if (word == key && status >> kib) return kib * 1024;
    status.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return 0;
}

std::uint64_t status_bytes(const char* key) { return line_bytes("/proc/self/status", key); }

constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

// "max" and what cannot be read are no limit.
std::uint64_t number_in(const std::string& file) {
  std::uint64_t number = 0;
  return std::ifstream(file) >> number ? number : kNoLimit;
}

// What is left of the limits of this process's control group and of those above it. File pages count as free.
std::uint64_t left_of_control_groups() {
  std::ifstream groups("/proc/self/cgroup");
  std::string line;
  std::uint64_t left = kNoLimit;
  while (std::getline(groups, line)) {
    if (!line.starts_with("0::")) continue;
    for (std::string path = line.substr(3); !path.empty(); path.erase(path.rfind('/'))) {
      const std::string folder = "/sys/fs/cgroup" + path;
      const std::uint64_t limit = number_in(folder + "/memory.max");
      if (limit == kNoLimit) continue;
      std::ifstream parts(folder + "/memory.stat");
      std::string part;
      for (std::uint64_t bytes = 0; parts >> part >> bytes;) {
        if (part == "anon") left = std::min(left, limit - std::min(limit, bytes));
      }
    }
  }
  return left;
}

}  // namespace

std::uint64_t available_bytes() {
  const std::uint64_t machine = line_bytes("/proc/meminfo", "MemAvailable:");
  return std::min(machine > 0 ? machine : kNoLimit, left_of_control_groups());
}

std::uint64_t peak_rss_bytes() {
  // ru_maxrss would carry over the peak of the program that started this one.
  if (const std::uint64_t bytes = status_bytes("VmHWM:")) return bytes;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

std::uint64_t rss_bytes() { return status_bytes("VmRSS:"); }

std::uint64_t bytes_in_use() {
  const struct mallinfo2 info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

}  // namespace coppice
