// Convolutions, and their gradients where a method takes these into its own hands.
//
// Around a defect of oneDNN (github.com/uxlfoundation/oneDNN/issues/6035): the weight gradient of a strided 1 x 1 convolution of
// channels-last inputs writes behind its workspace where the number of channels is no multiple of the vector's width, which sliced
// networks seldom keep to. Such a kernel sees every s-th place of its input alone; these are taken beforehand.
#pragma once

#include <ATen/core/Tensor.h>

#include "models/tap.h"

namespace coppice {

// x_BCHW, w_OIKK -> [B, O, H', W'], channels last; `bias_O` may be undefined.
at::Tensor convolution(const at::Tensor& x_BCHW, const at::Tensor& w_OIKK, const at::Tensor& bias_O, const ConvGeometry& geometry);

// Of x, w and the bias; undefined what is not wanted.
struct ConvGradients {
  at::Tensor x_BCHW, w_OIKK, bias_O;
};
struct WantedGradients {
  bool x = true, w = true, bias = true;
};
ConvGradients convolution_gradients(const at::Tensor& gradient_BOHW, const at::Tensor& x_BCHW, const at::Tensor& w_OIKK,
                                    const ConvGeometry& geometry, WantedGradients wanted);

}  // namespace coppice
