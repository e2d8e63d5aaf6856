// A mask expanded to one byte an element (1 kept, 0 dropped) for the tensors it touches: what a fused step reads.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "models/mask.h"

namespace coppice {

class KeptBytes {
 public:
  explicit KeptBytes(const Mask& mask);

  // Null where the tensor is wholly kept.
  const std::uint8_t* of(ParamId tensor) const;

 private:
  std::map<ParamId, std::vector<std::uint8_t>> bytes_;
};

}  // namespace coppice
