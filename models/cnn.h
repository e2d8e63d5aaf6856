// A LeNet-like network: two 5x5 convolutions (with bias, no padding), each followed by 2x2 max-pooling and ReLU, then two
// linear layers. Tensors "conv1", "conv2", "linear1", "linear2", each with ".weight" and ".bias". Families: the channels of
// each convolution and the neurons of linear1; a channel of conv2 owns a contiguous range of columns of linear1.
#pragma once

#include <memory>

#include "models/model.h"

namespace coppice {

// Throws InputError on impossible widths or on images too small for two stages.
std::unique_ptr<Model> make_cnn(const CnnConfig& config);

}  // namespace coppice
