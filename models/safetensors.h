// The safetensors format (8-byte little-endian header length, JSON header, raw tensors), read strictly: header at most
// 100 MB, offsets contiguous from 0 without holes or overlaps, sizes equal to shape x dtype, no duplicate names,
// nothing after the last tensor, booleans 0 or 1. dtypes F32, F64, F16, BF16, I8, U8, I32, I64, BOOL. Never executes
// anything.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/block.h"

namespace coppice {

struct SafetensorsFile {
  std::vector<Block> tensors;                   // dense blocks, in offset order
  std::map<std::string, std::string> metadata;  // "__metadata__"

  const Block* find(std::string_view name) const;  // nullptr where absent
};

// `name` is used in messages. Throws InputError.
SafetensorsFile parse_safetensors(const std::string& name, std::span<const std::byte> bytes);
SafetensorsFile read_safetensors(const std::string& path);

// Wider elements come first, so that every tensor is aligned to its own size; otherwise in the order given. Throws
// Error on a block that is not dense and whole, a name twice, or a name that is not UTF-8. `write` replaces the file
// atomically.
std::vector<std::byte> encode_safetensors(const SafetensorsFile& file);
void write_safetensors(const std::string& path, const SafetensorsFile& file);

}  // namespace coppice
