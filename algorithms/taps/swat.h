// SWAT: products that know the largest of their weights alone, and whose backward pass knows the largest of their inputs alone.
//
//   y = top(w) x        dL/dx = top(w)' dL/dy        dL/dw = dL/dy top(x)'   dense, also of the weights that top(w) leaves out
//
// with top(.) the largest magnitudes of the whole tensor, of w and of x the same fraction: what the mask keeps of w; equal ones at the
// threshold all stay. Weights are chosen anew in every pass. Raihan & Aamodt, "Sparse weight activation training", NeurIPS 2020,
// arXiv:2001.01969 (SWAT-U where all matrices keep one fraction, SWAT-ERK under ERK quotas); recalled, not verified against the paper's text.
// Cost: two selections a product. In this process what is left out are zeros.
#pragma once

#include "algorithms/taps/sparse_inputs.h"
#include "models/mask.h"

namespace coppice {

class Swat : public Tap {
 public:
  // Null: nothing is left out. The mask must outlive the tap.
  explicit Swat(const Mask* shares) : shares_(shares) {}

  at::Tensor linear(ParamId weight, const at::Tensor& x_I, const at::Tensor& w_OI, const at::Tensor& bias_O) override;
  at::Tensor conv(ParamId weight, const at::Tensor& x_BCHW, const at::Tensor& w_OIKK, const at::Tensor& bias_O,
                  ConvGeometry geometry) override;

 private:
  double share_of(ParamId weight) const;

  const Mask* shares_;
};

}  // namespace coppice
