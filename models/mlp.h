// A fully connected ReLU network. Tensors "layers.<l>.weight" [out, in] and "layers.<l>.bias"; a family of neurons for each
// hidden layer. Images are flattened in the order C, H, W.
#pragma once

#include <memory>

#include "models/model.h"

namespace coppice {

// Throws InputError on a config without positive widths.
std::unique_ptr<Model> make_mlp(const MlpConfig& config);

}  // namespace coppice
