// Archive on arbitrary bytes: it refuses them with an InputError, or they are entries that lie inside them.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "core/error.h"
#include "models/graph/archive.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  try {
    const coppice::graph::Archive archive("input", bytes);
    for (const auto& [path, entry] : archive) {
      if (path.find("..") == 0 || path.front() == '/') std::abort();
      const auto found = archive.bytes_of(path);
      if (!found.empty() && (found.data() < bytes.data() || found.data() + found.size() > bytes.data() + bytes.size())) std::abort();
    }
  } catch (const coppice::InputError&) {
  }
  return 0;
}
