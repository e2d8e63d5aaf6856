// What the first block of a model takes of a batch.
#pragma once

#include "models/batch.h"

namespace coppice {

struct InputTensor {
  const at::Tensor& operator()(const Images& images) const { return images.x_BCHW; }
  const at::Tensor& operator()(const Features& features) const { return features.x_BF; }
  const at::Tensor& operator()(const Tokens& tokens) const { return tokens.ids_BT; }
  const at::Tensor& operator()(const BagOfWords& words) const { return words.counts_BV; }
};

}  // namespace coppice
