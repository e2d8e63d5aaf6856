// A shape as people read it: "[16, 3, 3, 3]".
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace coppice {

inline std::string shape_text(std::span<const std::int64_t> shape) {
  std::string out = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) out += ", ";
    out += std::to_string(shape[i]);
  }
  return out += ']';
}

}  // namespace coppice
