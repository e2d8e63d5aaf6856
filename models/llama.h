// A decoder of the Llama family: RMSNorm, rotary grouped-query attention, SwiGLU, untied head.
//
// Tensors carry the names that Hugging Face gives them ("model.layers.0.self_attn.q_proj.weight"), rotary pairs are its
// halves (x_i, x_{i + head_dim / 2}). Families of layer l: "layers.<l>.kv_group" (the rows of k and v of one key and value
// head, the rows of q and columns of o of its query heads) and "layers.<l>.ffn" (a row of gate and up, a column of down).
// Everything of a unit is scored. The embedding is a look-up, not a matrix for patterns. One sample of Cost is one token;
// the products of attention, which depend on the length of the text, and the norms are not counted as multiply-adds.
#pragma once

#include <memory>

#include "models/model.h"

namespace coppice {

// Throws InputError on widths that do not fit the architecture.
std::unique_ptr<Model> make_llama(const LlamaConfig& config);

}  // namespace coppice
