// The JSON header of a safetensors file as a strict state machine over parser events: no tree is built, so what a
// hostile header can cost is bounded by its own length. Internal to safetensors.cc.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/block.h"

namespace coppice {

struct SafetensorsEntry {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;  // bytes from the end of the header
  std::uint64_t end = 0;
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;  // as they stand in the text
  std::map<std::string, std::string> metadata;
};

// `file` is used in messages. Offsets are not checked against each other. Throws InputError.
SafetensorsHeader parse_safetensors_header(const std::string& file, std::string_view text);

// The text of a header, padded with spaces to a multiple of 8 bytes. Throws Error on a name that is not UTF-8.
std::string safetensors_header_text(const SafetensorsHeader& header);

}  // namespace coppice
