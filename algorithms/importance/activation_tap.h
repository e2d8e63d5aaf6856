// Sums of squared inputs of matrix products and convolutions, by column of the weight matrix.
#pragma once

#include <map>
#include <vector>

#include "models/tap.h"

namespace coppice {

class ActivationTap final : public Tap {
 public:
  // Watches these weights alone.
  explicit ActivationTap(const std::vector<int>& tensors);

  at::Tensor linear(ParamId weight, const at::Tensor& x_I, const at::Tensor& w_OI, const at::Tensor& bias_O) override;
  at::Tensor conv(ParamId weight, const at::Tensor& x_BCHW, const at::Tensor& w_OIKK, const at::Tensor& bias_O,
                  ConvGeometry geometry) override;

  // What was seen since the last call, one number a column (row-major I, K, K for convolutions); empty where the weight
  // was in no product.
  std::map<int, std::vector<double>> take();

 private:
  std::map<int, std::vector<double>> squares_;
};

}  // namespace coppice
