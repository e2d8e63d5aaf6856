// bfloat16 on CPUs that do not multiply it: without AVX-512 PyTorch's products of bfloat16 are scalar loops, 7 to 37 times as slow as those of
// float32 (AMD Zen 3). There the numbers are widened, multiplied as float32, and the result rounded once: what a CPU that multiplies bfloat16
// and sums in float32 computes, up to the order of sums. Gradients go the same way. Cost: float32 copies of what is multiplied.
#pragma once

#include <ATen/core/Tensor.h>

namespace coppice {

// Whether products of x are to be computed in float32 and rounded.
bool is_emulated(const at::Tensor& x);

// x in float32; undefined stays undefined.
at::Tensor as_float(const at::Tensor& x);
// Back in bfloat16.
at::Tensor as_bfloat(const at::Tensor& x);

}  // namespace coppice
