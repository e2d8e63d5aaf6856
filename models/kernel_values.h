// Tensors as the pointers that kernels without torch take: float, or the bits of bfloat16 in a uint16_t.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace coppice {

// Whether kernels of ours take it: float32 or bfloat16 on the CPU.
inline bool has_kernels(const at::Tensor& x) {
  return x.is_cpu() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16);
}

template <class T>
const T* values(const at::Tensor& x) {
  return static_cast<const T*>(x.const_data_ptr());
}

template <class T>
T* mutable_values(const at::Tensor& x) {
  return static_cast<T*>(x.mutable_data_ptr());
}

// use(T{}) with T the type of x's values; only where has_kernels.
template <class Use>
void with_value_type(const at::Tensor& x, const Use& use) {
  if (x.scalar_type() == at::kFloat) {
    use(float{});
  } else {
    use(std::uint16_t{});
  }
}

}  // namespace coppice
