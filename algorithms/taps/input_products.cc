#include "algorithms/taps/input_products.h"

#include <algorithm>

#include <ATen/ops/sum.h>
#include <ATen/ops/zeros.h>

#include "core/error.h"

namespace coppice {
namespace {

constexpr std::int64_t kStrip = 192;

}  // namespace

InputProducts::InputProducts(const std::vector<std::int64_t>& tensors, bool diagonal) : diagonal_(diagonal) {
  for (const std::int64_t tensor : tensors) sums_[static_cast<ParamId>(tensor)];
}

at::Tensor InputProducts::linear(ParamId weight, const at::Tensor& x_I, const at::Tensor& w_OI, const at::Tensor& bias_O) {
  if (const auto found = sums_.find(weight); found != sums_.end()) {
    const std::int64_t inputs = w_OI.size(1);
    at::Tensor& sum = found->second;
    const at::Tensor x_NI = x_I.detach().reshape({-1, inputs}).to(at::kFloat);
    if (diagonal_) {
      if (!sum.defined()) sum = at::zeros({inputs}, x_NI.options());
      sum.add_(at::sum(x_NI.square(), {0}));
    } else {
      if (!sum.defined()) sum = at::zeros({inputs, inputs}, x_NI.options());
      for (std::int64_t first = 0; first < inputs; first += kStrip) {
        const std::int64_t rows = std::min(kStrip, inputs - first);
        sum.narrow(0, first, rows).narrow(1, 0, first + rows).addmm_(x_NI.narrow(1, first, rows).t(), x_NI.narrow(1, 0, first + rows));
      }
    }
  }
  return Tap::linear(weight, x_I, w_OI, bias_O);
}

at::Tensor InputProducts::conv(ParamId weight, const at::Tensor& x_BCHW, const at::Tensor& w_OIKK, const at::Tensor& bias_O,
                               ConvGeometry geometry) {
  if (sums_.contains(weight)) throw Error("products of a convolution's inputs were asked for");
  return Tap::conv(weight, x_BCHW, w_OIKK, bias_O, geometry);
}

std::vector<float> InputProducts::take(ParamId weight) {
  const at::Tensor sum = std::exchange(sums_.at(weight), at::Tensor());
  if (!sum.defined()) throw Error("tensor " + std::to_string(weight) + " took part in no matrix product");
  const float* values = sum.const_data_ptr<float>();
  const std::int64_t inputs = sum.size(0);
  if (diagonal_) return {values, values + inputs};
  std::vector<float> triangle;
  triangle.reserve(static_cast<std::size_t>(inputs * (inputs + 1) / 2));
  for (std::int64_t i = 0; i < inputs; ++i) triangle.insert(triangle.end(), values + i * inputs, values + i * inputs + i + 1);
  return triangle;
}

}  // namespace coppice
