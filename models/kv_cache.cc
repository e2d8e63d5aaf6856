#include "models/kv_cache.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <bit>

#include "core/error.h"
#include "models/shape_text.h"

namespace coppice {
namespace {

constexpr std::int64_t kFewestTokens = 128;

// All of `kept` up to its `used` tokens with `added` behind them; `kept` grows where it is full.
at::Tensor appended(at::Tensor& kept, std::int64_t used, const at::Tensor& added) {
  const std::int64_t tokens = used + added.size(2);
  if (kept.defined() && (kept.size(0) != added.size(0) || kept.size(1) != added.size(1) || kept.size(3) != added.size(3))) {
    throw Error("key-value cache: found " + shape_text(added.sizes()) + " behind " + shape_text(kept.sizes()));
  }
  if (!kept.defined() || kept.size(2) < tokens) {
    const auto room = static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(std::max(tokens, kFewestTokens))));
    const at::Tensor larger = at::empty({added.size(0), added.size(1), room, added.size(3)}, added.options());
    if (used > 0) larger.narrow(2, 0, used).copy_(kept.narrow(2, 0, used));
    kept = larger;
  }
  kept.narrow(2, used, added.size(2)).copy_(added);
  return kept.narrow(2, 0, tokens);
}

}  // namespace

KeysAndValues KvCache::append(std::size_t layer, const KeysAndValues& added) {
  if (layer >= layers_.size()) layers_.resize(layer + 1);
  return {appended(layers_[layer].k_BGSD, tokens_, added.k_BGSD), appended(layers_[layer].v_BGSD, tokens_, added.v_BGSD)};
}

}  // namespace coppice
