// VGG-11 for small images, with batch norm (Simonyan & Zisserman 2015, configuration A; its form for CIFAR as in PyTorch examples): eight 3x3
// convolutions, each with batch norm and ReLU, max-pooling behind the first, second, fourth, sixth and eighth, one linear layer.
//
// Tensors: "conv<i>" (no bias: a batch norm follows), "bn<i>" for i = 1..8, and "linear". Moments: "bn<i>.running_mean" and
// "bn<i>.running_var". Families: "conv<i>", a channel with its batch norm and its consumer's inputs.
// Deviation: one linear layer in place of three, as usual where images are 32 x 32.
#pragma once

#include <memory>

#include "models/model.h"

namespace coppice {

// Throws InputError on widths that do not fit, and on images of less than 32 x 32 pixels, of which five poolings leave nothing.
std::unique_ptr<Model> make_vgg11(const Vgg11Config& config);

}  // namespace coppice
