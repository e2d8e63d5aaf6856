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
#include "core/file.h"

namespace coppice {

// A dense tensor that lies elsewhere: in an arena, in a mapped file.
struct TensorBytes {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> values;
};

struct SafetensorsFile {
  std::vector<Block> tensors;                   // dense blocks, in offset order
  std::map<std::string, std::string> metadata;  // "__metadata__"

  const Block* find(std::string_view name) const;  // nullptr where absent
};

// `name` is used in messages. Throws InputError.
SafetensorsFile parse_safetensors(const std::string& name, std::span<const std::byte> bytes);
SafetensorsFile read_safetensors(const std::string& path);

// A file's tensors where they lie on disk: what is not looked at is never read.
class MappedSafetensors {
 public:
  explicit MappedSafetensors(const std::string& path);  // throws InputError

  const std::vector<TensorBytes>& tensors() const { return tensors_; }  // in offset order
  const TensorBytes* find(std::string_view name) const;                 // nullptr where absent

 private:
  MappedFile file_;
  std::vector<TensorBytes> tensors_;
};

// Wider elements come first, so that every tensor is aligned to its own size; otherwise in the order given. Throws
// Error on a block that is not dense and whole, a name twice, or a name that is not UTF-8. `write` replaces the file
// atomically.
std::vector<std::byte> encode_safetensors(const SafetensorsFile& file);
void write_safetensors(const std::string& path, const SafetensorsFile& file);
void write_safetensors(const std::string& path, std::span<const TensorBytes> tensors);

}  // namespace coppice
