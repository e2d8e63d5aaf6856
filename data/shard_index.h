// index.json of a folder of shards: what the examples are and which files hold them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/digest.h"
#include "data/dataset.h"

namespace coppice {

struct ShardFile {
  std::string name;  // plain file name beside index.json
  std::int64_t examples = 0;
  std::int64_t bytes = 0;
  Digest digest;  // BLAKE2b-256 of the file
};

// What examples were converted from; nothing but its name where that is no single file.
struct SourceFile {
  std::string name;
  std::int64_t bytes = 0;
  Digest digest;
};

struct ShardIndex {
  ExampleSpec spec;
  std::vector<std::string> class_names;
  std::vector<Column> columns;  // names and labels, without values
  std::string note;
  std::vector<SourceFile> sources;
  std::vector<ShardFile> train, test;
};

// Throws InputError naming `file`: broken JSON, a key that is missing, unknown or of the wrong type, another version, a
// shard outside the folder, a spec that contradicts itself.
ShardIndex parse_shard_index(std::string_view json, const std::string& file);

}  // namespace coppice
