// What a model consumes and what a pass over it yields.
//
// Shapes: B batch, C channels, H height, W width, F features, T tokens, V vocabulary or number of targets, K latents.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <variant>

namespace coppice {

struct Images {
  at::Tensor x_BCHW;  // float32 or bfloat16, logical NCHW in channels-last memory, normalised
};
struct Features {
  at::Tensor x_BF;
};
struct Tokens {
  at::Tensor ids_BT;  // int64
};
struct BagOfWords {
  at::Tensor counts_BV;
  at::Tensor noise_BK = {};  // draws of N(0, 1) for a model that samples K latents while it is trained; undefined: their means are taken
};

struct Batch {
  std::variant<Images, Features, Tokens, BagOfWords> inputs;
  at::Tensor targets;  // class: int64 [B]; multi-label, regression and words: float32 [B, V]; next token: int64 [B, T]

  std::int64_t size() const;  // B
};

}  // namespace coppice
