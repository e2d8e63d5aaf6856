// Root-mean-square normalisation (Zhang & Sennrich 2019, eq. 4): y = gamma x / sqrt(mean(x^2) + eps) over the last dimension, in float32
// whatever x is, rounded once. Composed of tensor operations it costs some 7 passes over x forward and 15 backward, more than half of
// them on float32 copies; this takes 2 and 2, and keeps x and one number a row.
#pragma once

#include <ATen/core/Tensor.h>

namespace coppice {

// x [..., D], gamma [D], of one dtype. Can be differentiated twice.
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& gamma_D, double eps);

}  // namespace coppice
