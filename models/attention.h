// Causal attention of grouped heads (Ainslie et al. 2023, section 2.2), of the last `window` tokens where one is set.
//
//   y_t = sum_s softmax_s(q_t k_s / sqrt(D)) v_s   over t - window < s <= t
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "models/kv_cache.h"

namespace coppice {

// q [B, H, T, D] of the last T of the S tokens that are seen; each of their G heads serves H / G query heads. `window` 0: all.
at::Tensor causal_attention(const at::Tensor& q_BHTD, const KeysAndValues& seen, std::int64_t window);

}  // namespace coppice
