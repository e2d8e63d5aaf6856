// The safetensors format (8-byte little-endian header length, JSON header, raw tensors), read strictly: header at most
// 100 MB, offsets contiguous from 0 without holes or overlaps, sizes equal to shape x dtype, no duplicate names, nothing after
// the last tensor. Never executes anything.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/block.h"

namespace coppice {

struct SafetensorsFile {
  std::vector<Block> tensors;                     // dense blocks, in offset order
  std::map<std::string, std::string> metadata;    // "__metadata__"

  const Block* find(std::string_view name) const;
};

// `name` is used in messages. Throws InputError.
SafetensorsFile parse_safetensors(const std::string& name, std::span<const std::byte> bytes);
SafetensorsFile read_safetensors(const std::string& path);
std::vector<std::byte> encode_safetensors(const SafetensorsFile& file);
void write_safetensors(const std::string& path, const SafetensorsFile& file);

}  // namespace coppice
