// Products whose backward pass knows the largest of their inputs alone: what a client has to keep of its activations shrinks.
//
//   y = w x        dL/dx = w' dL/dy        dL/dw = dL/dy top(x)'
//
// with top(x) the `kept` fraction of largest |x| of the whole tensor; equal ones at the threshold all stay. Scaled activation pruning of
// FedMef (Huang et al., CVPR 2024, arXiv:2403.14737, section 3.3), and the backward half of SWAT (algorithms/taps/swat.h), both recalled.
// FedMef also scales its convolutions and leaves batch norms out; architectures here stay as they are.
// Cost: one selection over the inputs a product. In this process the dropped inputs are zeros and take their place all the same.
#pragma once

#include "models/tap.h"

namespace coppice {

// x with all but the `kept` fraction of its largest |x| 0, at least one of them left; no gradient goes through it.
at::Tensor largest(const at::Tensor& x, double kept);

class SparseInputs : public Tap {
 public:
  explicit SparseInputs(double kept) : kept_(kept) {}

  at::Tensor linear(ParamId weight, const at::Tensor& x_I, const at::Tensor& w_OI, const at::Tensor& bias_O) override;
  at::Tensor conv(ParamId weight, const at::Tensor& x_BCHW, const at::Tensor& w_OIKK, const at::Tensor& bias_O,
                  ConvGeometry geometry) override;

 private:
  double kept_;
};

}  // namespace coppice
