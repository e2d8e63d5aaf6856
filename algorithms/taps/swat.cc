#include "algorithms/taps/swat.h"

namespace coppice {
namespace {

// The values of top(w), the gradient of w: what is added is exactly -w or 0, and has none.
at::Tensor straight_through(const at::Tensor& w, double share) {
  const at::Tensor values = w.detach();
  return w.add(largest(values, share).sub(values));
}

}  // namespace

double Swat::share_of(ParamId weight) const {
  if (shares_ == nullptr || shares_->keeps_all(weight)) return 1.0;
  const Bits& kept = shares_->bits(weight);
  return static_cast<double>(kept.count()) / static_cast<double>(kept.size());
}

at::Tensor Swat::linear(ParamId weight, const at::Tensor& x_I, const at::Tensor& w_OI, const at::Tensor& bias_O) {
  const double share = share_of(weight);
  return SparseInputs(share).linear(weight, x_I, straight_through(w_OI, share), bias_O);
}

at::Tensor Swat::conv(ParamId weight, const at::Tensor& x_BCHW, const at::Tensor& w_OIKK, const at::Tensor& bias_O, ConvGeometry geometry) {
  const double share = share_of(weight);
  return SparseInputs(share).conv(weight, x_BCHW, straight_through(w_OIKK, share), bias_O, geometry);
}

}  // namespace coppice
