// The memory of dense CPU tensors of float or bfloat16, for kernels that know no torch.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace coppice {

inline bool has_kernels(const at::Tensor& x) {
  return x.is_cpu() && x.numel() > 0 && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16);
}

// Calls `kernel` with a pointer for each tensor (all of the dtype of the first): float*, or uint16_t* to bfloat16 bits.
template <class Kernel, class... Tensors>
void with_elements(Kernel&& kernel, const at::Tensor& first, const Tensors&... rest) {
  if (first.scalar_type() == at::kFloat) {
    kernel(static_cast<float*>(first.mutable_data_ptr()), static_cast<float*>(rest.mutable_data_ptr())...);
  } else {
    kernel(static_cast<std::uint16_t*>(first.mutable_data_ptr()), static_cast<std::uint16_t*>(rest.mutable_data_ptr())...);
  }
}

}  // namespace coppice
