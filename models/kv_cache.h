// Keys and values of the tokens that a decoder has read, layer by layer: what its next tokens attend to. A value that the caller owns
// and passes to DecoderModel::continue_text; layers may have widths of their own. 2 layers heads head_dim values a token, in
// the weights' dtype; memory doubles as the text grows, so that a token is copied at most twice.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace coppice {

// Shapes: B batch, G key and value heads, T new tokens, S all tokens, D head_dim.
struct KeysAndValues {
  at::Tensor k_BGSD;
  at::Tensor v_BGSD;
};

class KvCache {
 public:
  std::int64_t tokens() const { return tokens_; }

  // Puts a layer's new keys and values [B, G, T, D] behind those of tokens(); views of them all. Throws Error where B, G or D is not what
  // the layer had.
  KeysAndValues append(std::size_t layer, const KeysAndValues& added);
  // The tokens that every layer has appended now count.
  void advance(std::int64_t tokens) { tokens_ += tokens; }

 private:
  std::vector<KeysAndValues> layers_;  // with room behind the tokens
  std::int64_t tokens_ = 0;
};

}  // namespace coppice
