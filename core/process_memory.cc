#include "core/process_memory.h"

#include <malloc.h>

#include <fstream>
#include <limits>
#include <string>

#include <sys/resource.h>

namespace coppice {
namespace {

// A "VmHWM:   1234 kB" line of /proc/self/status in bytes; 0 where there is none.
std::uint64_t status_bytes(const char* key) {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    std::uint64_t kib = 0;
    if (word == key && status >> kib) return kib * 1024;
    status.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return 0;
}

}  // namespace

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
