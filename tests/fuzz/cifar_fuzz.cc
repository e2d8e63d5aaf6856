// append_cifar on arbitrary bytes: it refuses them with an InputError, or every record has its pixels and a label below
// 10.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "core/error.h"
#include "data/cifar.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    coppice::CifarRecords records;
    coppice::append_cifar(std::as_bytes(std::span(data, size)), "input", records);
    if (records.pixels.size() != records.labels.size() * 3072) std::abort();
    for (const std::int32_t label : records.labels) {
      if (label < 0 || label > 9) std::abort();
    }
  } catch (const coppice::InputError&) {
  }
  return 0;
}
