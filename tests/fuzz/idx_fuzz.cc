// parse_idx on arbitrary bytes: it refuses them with an InputError, or the values are exactly as many as the shape
// says.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "core/error.h"
#include "data/idx.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const coppice::IdxArray array = coppice::parse_idx(std::as_bytes(std::span(data, size)), "input");
    const auto count = static_cast<std::size_t>(array.count());
    if (count > array.values.size() || (count == 0) != array.values.empty()) std::abort();
    if (coppice::integers_of(array, "input").size() != count) std::abort();
  } catch (const coppice::InputError&) {
  }
  return 0;
}
