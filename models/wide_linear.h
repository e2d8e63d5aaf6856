// x w^T + b for large float32 products on a CPU with AVX-512. oneDNN takes 0.76 to 0.95 of the time of the BLAS behind at::linear there,
// forward and backward (34 to 1,074 million products, one thread of an AMD EPYC), 1.1 at 8 million: its set-up costs more than it saves. With
// AVX2 alone it takes 0.93 to 1.15 forward and 1.0 to 1.4 backward (72 to 3,456 million, an AMD EPYC): that BLAS has a kernel for it.
#pragma once

#include <ATen/core/Tensor.h>

namespace coppice {

// Whether the product of x_I [..., I] with w_OI should go this way: float32, enough rows and products,
// AVX-512, and a libtorch with oneDNN.
bool is_wide_linear(const at::Tensor& x_I, const at::Tensor& w_OI);

// x_I [..., I], w_OI -> [..., O]; `bias_O` may be undefined. Differentiable, also twice. Only where is_wide_linear.
at::Tensor wide_linear(const at::Tensor& x_I, const at::Tensor& w_OI, const at::Tensor& bias_O);

}  // namespace coppice
