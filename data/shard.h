// One binary file of the shard format: examples of one kind with their targets and columns. docs/shards.md is the
// reference.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace coppice {

// Views into the parsed bytes; the sections that a kind does not have are empty.
struct ShardView {
  std::int64_t examples = 0;  // documents where the kind is tokens
  int value_bytes = 1;        // of one pixel (1), feature (4), token (2 or 4) or word (4)

  std::span<const std::byte> values;       // pixels, features, tokens, or the words of bags
  std::span<const std::uint32_t> counts;   // bags: of each word
  std::span<const std::uint64_t> offsets;  // tokens and bags: examples + 1
  std::span<const std::int32_t> classes;   // kClass
  std::span<const std::uint8_t> labels;    // kMultiLabel: examples x L
  std::span<const float> outputs;          // kRegression: examples x L
  std::vector<std::span<const std::int32_t>> columns;
};

// Throws InputError naming `file` unless the bytes (aligned to 8) are one shard of `spec` with `num_columns` columns:
// magic, version, kind, shape, exact size, ascending offsets, multi-labels of 0 or 1. Never reads outside the bytes,
// and allocates nothing that the header could blow up. Class labels are checked where the dataset is made.
ShardView parse_shard(std::span<const std::byte> bytes, const ExampleSpec& spec, std::int64_t num_columns,
                      const std::string& file);

// A pass over all values: finite features, tokens and words inside the vocabulary. Throws InputError naming `file`. `done` is told of
// each stretch of bytes that will not be looked at again.
using Passed = std::function<void(std::span<const std::byte>)>;
void check_shard_values(const ShardView& shard, const ExampleSpec& spec, const std::string& file, const Passed& done = {});

}  // namespace coppice
