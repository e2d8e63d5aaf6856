// Cross-entropy of class logits without copies of them: the logits of a language model are its largest tensor by far. PyTorch's
// cross_entropy on bfloat16 logits [N, V] keeps them, a float32 copy, its log-softmax and two gradients, 16 NV bytes; this keeps them
// and one gradient, 4 NV bytes. Cost: two passes over each row forward, one backward, in the caches.
#pragma once

#include <ATen/core/Tensor.h>

namespace coppice {

// Sum over rows of log(sum_v exp(logits[n, v])) - logits[n, classes[n]], float32; rows of kIgnoredTarget count nothing. logits [N, V],
// classes int64 [N], each in [0, V) or ignored. Only where has_kernels(logits_NV). Can be differentiated twice.
at::Tensor cross_entropy_sum(const at::Tensor& logits_NV, const at::Tensor& classes_N);

}  // namespace coppice
