#include "algorithms/training/kept_bytes.h"

namespace coppice {

KeptBytes::KeptBytes(const Mask& mask) {
  for (const auto& [tensor, bits] : mask.elements()) {
    std::vector<std::uint8_t>& bytes = bytes_[tensor];
    bytes.resize(static_cast<std::size_t>(bits.size()));
    for (std::int64_t i = 0; i < bits.size(); ++i) bytes[static_cast<std::size_t>(i)] = bits[i] ? 1 : 0;
  }
}

const std::uint8_t* KeptBytes::of(ParamId tensor) const {
  const auto found = bytes_.find(tensor);
  return found == bytes_.end() ? nullptr : found->second.data();
}

}  // namespace coppice
