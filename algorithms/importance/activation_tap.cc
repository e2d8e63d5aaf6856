#include "algorithms/importance/activation_tap.h"

#include <cstdint>
#include <span>

#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/sum.h>

namespace coppice {
namespace {

void add(const at::Tensor& sums, std::span<double> squares) {
  const at::Tensor dense = sums.contiguous();
  const double* values = dense.const_data_ptr<double>();
  for (std::size_t i = 0; i < squares.size(); ++i) squares[i] += values[i];
}

}  // namespace

ActivationTap::ActivationTap(const std::vector<int>& tensors) {
  for (const int tensor : tensors) squares_[tensor];
}

at::Tensor ActivationTap::linear(ParamId weight, const at::Tensor& x_I, const at::Tensor& w_OI,
                                 const at::Tensor& bias_O) {
  if (const auto found = squares_.find(weight); found != squares_.end()) {
    const std::int64_t inputs = w_OI.size(1);
    found->second.resize(static_cast<std::size_t>(inputs), 0.0);
    const at::Tensor x_NI = x_I.detach().reshape({-1, inputs}).to(at::kDouble);
    add(at::sum(x_NI.square(), {0}), found->second);
  }
  return Tap::linear(weight, x_I, w_OI, bias_O);
}

at::Tensor ActivationTap::conv(ParamId weight, const at::Tensor& x_BCHW, const at::Tensor& w_OIKK,
                               const at::Tensor& bias_O, ConvGeometry geometry) {
  at::Tensor y_BCHW = Tap::conv(weight, x_BCHW, w_OIKK, bias_O, geometry);
  const auto found = squares_.find(weight);
  if (found == squares_.end()) return y_BCHW;
  const std::int64_t channels = w_OIKK.size(1), height = w_OIKK.size(2), width = w_OIKK.size(3);
  found->second.resize(static_cast<std::size_t>(channels * height * width), 0.0);
  const std::int64_t pad = geometry.padding;
  const at::Tensor squares_CHW =
      at::constant_pad_nd(at::sum(x_BCHW.detach().to(at::kDouble).square(), {0}), {pad, pad, pad, pad});
  std::vector<double> sums_C(static_cast<std::size_t>(channels));
  for (std::int64_t i = 0; i < height; ++i) {
    for (std::int64_t j = 0; j < width; ++j) {
      const std::int64_t rows = (y_BCHW.size(2) - 1) * geometry.stride + 1,
                         cols = (y_BCHW.size(3) - 1) * geometry.stride + 1;
      const at::Tensor met_CHW =
          squares_CHW.slice(1, i, i + rows, geometry.stride).slice(2, j, j + cols, geometry.stride);
      sums_C.assign(sums_C.size(), 0.0);
      add(at::sum(met_CHW, {1, 2}), sums_C);
      for (std::int64_t c = 0; c < channels; ++c) {
        found->second[static_cast<std::size_t>((c * height + i) * width + j)] += sums_C[static_cast<std::size_t>(c)];
      }
    }
  }
  return y_BCHW;
}

std::map<int, std::vector<double>> ActivationTap::take() {
  std::map<int, std::vector<double>> taken = squares_;
  for (auto& [tensor, squares] : squares_) squares.clear();
  return taken;
}

}  // namespace coppice
