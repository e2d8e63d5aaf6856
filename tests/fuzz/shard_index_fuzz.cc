// parse_shard_index on arbitrary bytes: an InputError, or a spec without contradictions and shards inside their folder.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/error.h"
#include "data/shard_index.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  coppice::ShardIndex index;
  try {
    index = coppice::parse_shard_index({reinterpret_cast<const char*>(data), size}, "input");
  } catch (const coppice::InputError&) {
    return 0;
  }
  index.spec.check();
  for (const auto* files : {&index.train, &index.test}) {
    for (const coppice::ShardFile& file : *files) {
      if (file.name.find('/') != std::string::npos || file.bytes < 0 || file.examples < 0) std::abort();
    }
  }
  return 0;
}
