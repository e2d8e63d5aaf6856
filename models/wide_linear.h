// x w^T + b for large float32 weights on the CPU. oneDNN's product takes about 0.85 of the time of the BLAS behind at::linear there
// (60 x 784 x 4096 and 60 x 4096 x 1600, one thread of an AMD EPYC with AVX-512); for small ones its set-up costs more than it saves.
#pragma once

#include <ATen/core/Tensor.h>

namespace coppice {

// Whether the product of x_I [..., I] with w_OI should go this way: float32, enough rows and weights, and a libtorch with oneDNN.
bool is_wide_linear(const at::Tensor& x_I, const at::Tensor& w_OI);

// x_I [..., I], w_OI -> [..., O]; `bias_O` may be undefined. Differentiable, also twice. Only where is_wide_linear.
at::Tensor wide_linear(const at::Tensor& x_I, const at::Tensor& w_OI, const at::Tensor& bias_O);

}  // namespace coppice
