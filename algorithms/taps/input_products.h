// X^T X of the inputs of matrices, as additive sums: what the second-order methods need of data.
//
// x_NI: N rows (tokens) by I inputs, taken in float32. Cost: N I^2 multiply-adds a matrix, by strips of the lower triangle about half.
#pragma once

#include <map>
#include <vector>

#include "models/tap.h"

namespace coppice {

class InputProducts final : public Tap {
 public:
  // Watches these weights alone. `diagonal`: only sums of x^2; no product exceeds the largest of them.
  InputProducts(const std::vector<std::int64_t>& tensors, bool diagonal);

  // Convolutions are not watched: they throw Error where they are asked for.
  at::Tensor linear(ParamId weight, const at::Tensor& x_I, const at::Tensor& w_OI, const at::Tensor& bias_O) override;
  at::Tensor conv(ParamId weight, const at::Tensor& x_BCHW, const at::Tensor& w_OIKK, const at::Tensor& bias_O,
                  ConvGeometry geometry) override;

  // The lower triangle by rows, or the diagonal. Throws Error where the weight was in no product.
  std::vector<float> take(ParamId weight);

 private:
  std::map<ParamId, at::Tensor> sums_;  // [I, I], of which the lower triangle is meant, or [I]
  bool diagonal_;
};

}  // namespace coppice
