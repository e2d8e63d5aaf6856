// Decoder-only transformers: one file, the families differ by config (Llama, Mistral, Qwen2, Qwen3, GPT-2, OPT).
//
//   h = embed(ids) (+ positions);  each layer: h += o(attention(norm(h)));  h += ffn(norm(h));  logits = head(norm(h))
//
// Attention is grouped (a key and value head serves `queries_per_kv` query heads), causal, of the last `window` tokens where one is
// set. Tensors carry Hugging Face's names for a Llama whatever the family; rotary pairs are the halves of a head (x_i,
// x_{i + head_dim / 2}). A tied head is the embedding itself: one tensor, both gradients.
//
// Units (DecoderConfig::units), each with its biases; everything of a unit is scored but norms:
//   kv groups    "layers.<l>.kv_group" (rows of k and v of one key and value head, rows of q and columns of o of its query heads) and
//                "layers.<l>.ffn" (a row of gate and up, a column of down)
//   query heads  "layers.<l>.kv_group.<g>.query_head" (rows of q, columns of o), as many in every KV group of a layer, and
//                "layers.<l>.ffn"
//   layers       "layers" (all of a layer's tensors: the residual stream passes by); layers of other widths are another family
// The embedding is a look-up, not a matrix for patterns. One sample of Cost is one token; the products of attention, which depend on
// the length of the text, the look-ups and the norms are not counted as multiply-adds.
#pragma once

#include <memory>

#include "models/built_in.h"
#include "models/kv_cache.h"

namespace coppice {

class DecoderModel : public BuiltInModel {
 public:
  // Reads tokens [B, T] that follow those of the cache, which then holds them, too: logits [B, V] of the last. A pass over the same tokens
  // without a cache gives the same up to rounding.
  virtual at::Tensor continue_text(const at::Tensor& ids_BT, KvCache& cache, const Weights& weights, Tap& tap) const = 0;

 protected:
  using BuiltInModel::BuiltInModel;
};

// Throws InputError on widths that do not fit the architecture.
std::unique_ptr<DecoderModel> make_decoder(const DecoderConfig& config);

}  // namespace coppice
