// The few tensor operations the architectures write themselves.
#pragma once

#include <ATen/core/Tensor.h>

namespace coppice {

// max(x, 0)
at::Tensor rectified(const at::Tensor& x);

// max(a + b, 0): what closes a residual block. Same shape and dtype. One pass each way; both gradients are one tensor.
at::Tensor rectified_sum(const at::Tensor& a, const at::Tensor& b);

// The same values, dense and with channels-last strides. Convolutions go by the strides, not by where the values lie: with one channel
// both orders coincide in memory, and plain strides would send a whole network down the slower NCHW path.
at::Tensor channels_last(const at::Tensor& x_BCHW);

}  // namespace coppice
