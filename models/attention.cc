#include "models/attention.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include <optional>

#include "models/block_attention.h"
#include "models/emulated_bfloat.h"

namespace coppice {
namespace {

// True where token t, one of the last `tokens`, sees token s. Nothing where all are seen, or where causality of a whole text says it all.
std::optional<at::Tensor> visible(std::int64_t tokens, std::int64_t all, std::int64_t window) {
  const bool windowed = window > 0 && all > window;
  if (!windowed && (tokens == 1 || tokens == all)) return std::nullopt;
  const auto options = at::TensorOptions().dtype(at::kLong);
  const at::Tensor behind_TS = at::arange(all - tokens, all, options).unsqueeze(1) - at::arange(all, options).unsqueeze(0);
  return windowed ? (behind_TS >= 0).logical_and(behind_TS < window) : behind_TS >= 0;
}

}  // namespace

at::Tensor causal_attention(const at::Tensor& q_BHTD, const KeysAndValues& seen, std::int64_t window) {
  if (is_emulated(q_BHTD)) return as_bfloat(causal_attention(as_float(q_BHTD), {as_float(seen.k_BGSD), as_float(seen.v_BGSD)}, window));
  const std::int64_t tokens = q_BHTD.size(2), all = seen.k_BGSD.size(2);
  if ((window == 0 || all <= window) && is_block_attention(q_BHTD, seen)) return block_attention(q_BHTD, seen);
  const std::optional<at::Tensor> mask_TS = visible(tokens, all, window);
  const bool causal = !mask_TS && tokens > 1;
  const bool shared = q_BHTD.size(1) != seen.k_BGSD.size(1);
  return at::scaled_dot_product_attention(q_BHTD, seen.k_BGSD, seen.v_BGSD, mask_TS, 0.0, causal, std::nullopt, shared);
}

}  // namespace coppice
