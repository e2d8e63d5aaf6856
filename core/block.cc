#include "core/block.h"

#include <limits>

#include "core/error.h"

namespace coppice {

std::size_t bytes_per_element(DType dtype) {
  switch (dtype) {
    case DType::kF64:
    case DType::kI64:
      return 8;
    case DType::kF32:
    case DType::kI32:
      return 4;
    case DType::kF16:
    case DType::kBF16:
      return 2;
    case DType::kI8:
    case DType::kU8:
    case DType::kBool:
      return 1;
  }
  throw Error("dtype " + std::to_string(static_cast<int>(dtype)) + " is not one of ours");
}

const char* name_of(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return "f32";
    case DType::kF64:
      return "f64";
    case DType::kF16:
      return "f16";
    case DType::kBF16:
      return "bf16";
    case DType::kI8:
      return "i8";
    case DType::kU8:
      return "u8";
    case DType::kI32:
      return "i32";
    case DType::kI64:
      return "i64";
    case DType::kBool:
      return "bool";
  }
  throw Error("dtype " + std::to_string(static_cast<int>(dtype)) + " is not one of ours");
}

std::int64_t Block::num_elements() const {
  // A shape may come from outside, so a product that does not fit is the sender's mistake. A zero
  // further on does not excuse it: the elements before it must be addressable too.
  std::int64_t count = 1;
  bool empty = false;
  for (const std::int64_t size : shape) {
    if (size < 0)
      throw InputError("block " + quoted(name) + ": found a dim of size " + std::to_string(size) + "; expected >= 0");
    if (size == 0) {
      empty = true;
    } else if (count > std::numeric_limits<std::int64_t>::max() / size) {
      throw InputError("block " + quoted(name) + ": the number of elements of its shape does not fit in 64 bits");
    } else {
      count *= size;
    }
  }
  return empty ? 0 : count;
}

}  // namespace coppice
