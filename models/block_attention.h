// Causal attention in bfloat16 on a CPU as matrix products: a block of queries of all heads of a group at once against the keys that it may
// see. PyTorch's own kernel multiplies in float where the CPU has no matrix registers, and takes two to three times as long.
//
// Scores are rounded to bfloat16 before the softmax, as transformers' eager attention rounds them; its sums are float. Backward makes the
// scores again from queries and keys: what is kept is the size of the inputs and the output. Memory besides: two blocks of scores,
// B H kBlockTokens S. Rows do not depend on each other, so that threads change no bit.
#pragma once

#include "models/kv_cache.h"

namespace coppice {

// Whether block_attention takes these; elsewhere it would not pay.
bool is_block_attention(const at::Tensor& q_BHTD, const KeysAndValues& seen);

// y [B, H, T, D] of q, of the last T of the S tokens that are seen; each of their G heads serves H / G query heads.
at::Tensor block_attention(const at::Tensor& q_BHTD, const KeysAndValues& seen);

}  // namespace coppice
