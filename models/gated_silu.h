// silu(a) b, the middle of a gated feed-forward network (Shazeer 2020, SwiGLU): one pass forward, one backward, in float32 whatever a
// and b are, rounded once; keeps a and b.
#pragma once

#include <ATen/core/Tensor.h>

namespace coppice {

// a and b of one shape and dtype. Can be differentiated twice.
at::Tensor gated_silu(const at::Tensor& a, const at::Tensor& b);

}  // namespace coppice
