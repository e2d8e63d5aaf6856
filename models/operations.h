// The few tensor operations the architectures write themselves.
#pragma once

#include <ATen/core/Tensor.h>

namespace coppice {

at::Tensor rectified(const at::Tensor& x);

// The same values with channels-last strides. Convolutions go by the strides, not by where the values lie: with one channel
// both orders coincide in memory, and plain strides would send a whole network down the slower NCHW path.
at::Tensor channels_last(const at::Tensor& x_BCHW);

}  // namespace coppice
