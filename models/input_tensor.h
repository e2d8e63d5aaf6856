// What the first block of a model takes of a batch.
#pragma once

#include <ATen/ops/cat.h>

#include "models/batch.h"

namespace coppice {

struct InputTensor {
  at::Tensor operator()(const Images& images) const { return images.x_BCHW; }
  at::Tensor operator()(const Features& features) const { return features.x_BF; }
  at::Tensor operator()(const Tokens& tokens) const { return tokens.ids_BT; }
  at::Tensor operator()(const BagOfWords& words) const {
    const at::Tensor& x_BV = words.counts_BV;
    return words.noise_BK.defined() ? at::cat({x_BV, words.noise_BK.to(x_BV.scalar_type())}, 1) : x_BV;  // [B, V + K] or [B, V]
  }
};

}  // namespace coppice
