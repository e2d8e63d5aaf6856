// The residual families for images: convolution, batch norm, ReLU; stages, global average, one linear layer.
//
// Tensors: "conv1", "bn1", "layer<s>.<b>.{conv1,bn1,conv2,bn2}" (stages s from 1, blocks b from 0), for ResNet-8 also
// "layer{2,3}.0.shortcut" (weight and bias), for ResNet-18 "layer{2,3,4}.0.{shortcut,shortcut_bn}", and "linear". Moments: "<bn>.running_mean" and "<bn>.running_var".
// Families, stage by stage: "stage<s>.residual" (a channel of the residual stream: every convolution that adds to it, its
// batch norms, every consumer) and "stage<s>.inner" or, with several blocks, "stage<s>.<b>.inner" (a channel between the two
// convolutions of a block). A channel is scored by what produces it, not by its consumers.
#pragma once

#include <memory>

#include "models/model.h"

namespace coppice {

// Throw InputError on widths that do not fit the architecture.
std::unique_ptr<Model> make_resnet8(const Resnet8Config& config);
std::unique_ptr<Model> make_resnet20(const Resnet20Config& config);
std::unique_ptr<Model> make_resnet18(const Resnet18Config& config);

}  // namespace coppice
