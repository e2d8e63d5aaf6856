// y = W x (+ b) for one x, as generating text token by token needs it: bound by reading W once. Sums in float32, in a fixed order
// whatever the number of threads.
#pragma once

#include <ATen/core/Tensor.h>

namespace coppice {

// Whether matrix_vector takes x [..., I] with w [O, I]: one row, no gradient wanted, dense CPU tensors of one dtype, float or bfloat16.
bool is_matrix_vector(const at::Tensor& x_I, const at::Tensor& w_OI);

// [..., O]; `bias_O` may be undefined.
at::Tensor matrix_vector(const at::Tensor& x_I, const at::Tensor& w_OI, const at::Tensor& bias_O);

}  // namespace coppice
