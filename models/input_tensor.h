// What the first block of a model takes of a batch.
#pragma once

#include "models/batch.h"

namespace coppice {

struct InputTensor {
  at::Tensor operator()(const Images& images) const { return images.x_BCHW; }
  at::Tensor operator()(const Features& features) const { return features.x_BF; }
  at::Tensor operator()(const Tokens& tokens) const { return tokens.ids_BT; }
  at::Tensor operator()(const BagOfWords& words) const;  // [B, V], or with noise [B, V + K]
};

}  // namespace coppice
