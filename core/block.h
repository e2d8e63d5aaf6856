// The torch-free tensor and the message made of such tensors: what models/ and comm/ both know.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/digest.h"

namespace coppice {

enum class DType : std::uint8_t { kF32, kF64, kF16, kBF16, kI8, kU8, kI32, kI64, kBool };

std::size_t bytes_per_element(DType dtype);
const char* name_of(DType dtype);

// Where the values of a block sit in the tensor of `shape`, in logical row-major order.
enum class Layout : std::uint8_t {
  kDense,      // every element
  kOnSupport,  // the elements kept by the mask whose digest the envelope carries; positions do not travel
  kIndices,    // `positions` = ascending uint32 indices, one a value
  kBitmap,     // `positions` = one bit an element, little-endian within a byte, set = a value follows
};

// A named tensor as bytes. kI8 values are `scale * int8`; all other dtypes have scale 1.
struct Block {
  std::string name;
  DType dtype = DType::kF32;
  Layout layout = Layout::kDense;
  float scale = 1.0F;
  std::vector<std::int64_t> shape;   // of the dense tensor
  std::vector<std::byte> values;     // little-endian, contiguous
  std::vector<std::byte> positions = {};  // empty for kDense and kOnSupport

  std::int64_t num_elements() const;
  std::int64_t num_values() const { return static_cast<std::int64_t>(values.size() / bytes_per_element(dtype)); }
};

enum class MessageKind : std::uint8_t { kPlan, kReport, kControl };

// One plan down or one report up. `body` is the message's own small structure (JSON text); tensors travel as blocks.
struct Envelope {
  MessageKind kind = MessageKind::kPlan;
  std::uint64_t run_id = 0;
  std::uint64_t plan_id = 0;
  std::uint32_t round = 0;
  std::uint32_t client = 0;  // reports only
  Digest mask_digest;        // of the mask that kOnSupport blocks refer to; all zero = no mask
  std::string body;
  std::vector<Block> blocks;
};

}  // namespace coppice
