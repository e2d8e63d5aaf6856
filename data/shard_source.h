// A folder of shards (docs/shards.md), mapped rather than read: what does not fit in memory stays on disk.
#pragma once

#include <cstdint>
#include <string>

#include "core/config.h"
#include "data/loaded_data.h"

namespace coppice {

struct ShardSource {
  static constexpr const char* kName = "shards";

  std::string path;
  bool verify = true;
  std::int64_t tokens = 0;
  std::int64_t resident_mib = 1024;

  void visit(FieldVisitor& v) {
    v.field("path", path, "folder with index.json; tools/to_shards.py writes such folders");
    v.field("verify", verify,
            "read every shard at the start: digests, finite values, tokens inside the vocabulary, ranges of a contract");
    v.field("tokens", tokens, "length of a token example; 0 = as index.json says", within(0.0, 1 << 24));
    v.field("resident_mib", resident_mib,
            "most MiB of the files that stay in a rank's memory at a time; larger data is read from disk again as it is needed",
            at_least(1));
  }
};

LoadedData load_data(const ShardSource& source);

}  // namespace coppice
