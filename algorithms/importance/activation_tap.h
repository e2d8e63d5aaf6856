// Sums over the inputs of matrix products and convolutions, by column of the weight matrix.
#pragma once

#include <map>
#include <vector>

#include "models/tap.h"

namespace coppice {

// One number a column (row-major I, K, K for convolutions), each a sum over `positions` rows of the matrix product.
struct InputSums {
  std::vector<double> sums;     // of x
  std::vector<double> squares;  // of x^2
  double positions = 0.0;
};

class ActivationTap final : public Tap {
 public:
  // Watches these weights alone.
  explicit ActivationTap(const std::vector<int>& tensors);

  at::Tensor linear(ParamId weight, const at::Tensor& x_I, const at::Tensor& w_OI, const at::Tensor& bias_O) override;
  at::Tensor conv(ParamId weight, const at::Tensor& x_BCHW, const at::Tensor& w_OIKK, const at::Tensor& bias_O,
                  ConvGeometry geometry) override;

  // What was seen since the last call; empty where the weight was in no product.
  std::map<int, InputSums> take();

 private:
  // The weight's sums, sized; null where it is not watched.
  InputSums* watched(ParamId weight, std::int64_t columns);

  std::map<int, InputSums> seen_;
};

}  // namespace coppice
