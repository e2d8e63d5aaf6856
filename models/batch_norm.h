// Batch normalisation over channels (Ioffe & Szegedy 2015, algorithm 1): y = gamma (x - mean) / sqrt(var + eps) + beta. Channels
// are dim 1; images have kernels of their own.
#pragma once

#include "models/tap.h"

namespace coppice {

// kTrain takes mean and (biased) variance from the batch and moves the running ones by the momentum of `params`, the variance as
// an unbiased one; kEval takes the running ones. Differentiable in x, gamma and beta.
at::Tensor batch_norm(const at::Tensor& x_BCHW, const NormParams& params, Mode mode);

}  // namespace coppice
