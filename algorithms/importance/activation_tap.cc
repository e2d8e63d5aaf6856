#include "algorithms/importance/activation_tap.h"

#include <cstdint>
#include <span>
#include <utility>

#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/sum.h>

#include "core/error.h"

namespace coppice {
namespace {

void add(const at::Tensor& more, std::span<double> total) {
  const at::Tensor dense = more.contiguous();
  const double* values = dense.const_data_ptr<double>();
  for (std::size_t i = 0; i < total.size(); ++i) total[i] += values[i];
}

// Adds what each column of a convolution's matrix product meets of x_CHW, a sum over samples.
void add_columns(const at::Tensor& x_CHW, const at::Tensor& y_BCHW, const at::Tensor& w_OIKK, ConvGeometry geometry,
                 std::vector<double>& total) {
  const std::int64_t channels = w_OIKK.size(1), height = w_OIKK.size(2), width = w_OIKK.size(3);
  const auto [down, right] = geometry.stride;
  const auto [top, left] = geometry.padding;
  const at::Tensor padded_CHW = at::constant_pad_nd(x_CHW, {left, left, top, top});
  const std::int64_t rows = (y_BCHW.size(2) - 1) * down + 1, cols = (y_BCHW.size(3) - 1) * right + 1;
  std::vector<double> sums_C(static_cast<std::size_t>(channels));
  for (std::int64_t i = 0; i < height; ++i) {
    for (std::int64_t j = 0; j < width; ++j) {
      const std::int64_t y = i * geometry.dilation[0], x = j * geometry.dilation[1];
      const at::Tensor met_CHW = padded_CHW.slice(1, y, y + rows, down).slice(2, x, x + cols, right);
      sums_C.assign(sums_C.size(), 0.0);
      add(at::sum(met_CHW, {1, 2}), sums_C);
      for (std::int64_t c = 0; c < channels; ++c) {
        total[static_cast<std::size_t>((c * height + i) * width + j)] += sums_C[static_cast<std::size_t>(c)];
      }
    }
  }
}

}  // namespace

ActivationTap::ActivationTap(const std::vector<int>& tensors) {
  for (const int tensor : tensors) seen_[tensor];
}

InputSums* ActivationTap::watched(ParamId weight, std::int64_t columns) {
  const auto found = seen_.find(weight);
  if (found == seen_.end()) return nullptr;
  found->second.sums.resize(static_cast<std::size_t>(columns), 0.0);
  found->second.squares.resize(static_cast<std::size_t>(columns), 0.0);
  return &found->second;
}

at::Tensor ActivationTap::linear(ParamId weight, const at::Tensor& x_I, const at::Tensor& w_OI,
                                 const at::Tensor& bias_O) {
  if (InputSums* seen = watched(weight, w_OI.size(1))) {
    const at::Tensor x_NI = x_I.detach().reshape({-1, w_OI.size(1)}).to(at::kDouble);
    add(at::sum(x_NI, {0}), seen->sums);
    add(at::sum(x_NI.square(), {0}), seen->squares);
    seen->positions += static_cast<double>(x_NI.size(0));
  }
  return Tap::linear(weight, x_I, w_OI, bias_O);
}

at::Tensor ActivationTap::conv(ParamId weight, const at::Tensor& x_BCHW, const at::Tensor& w_OIKK,
                               const at::Tensor& bias_O, ConvGeometry geometry) {
  at::Tensor y_BCHW = Tap::conv(weight, x_BCHW, w_OIKK, bias_O, geometry);
  if (InputSums* seen = watched(weight, w_OIKK.numel() / w_OIKK.size(0))) {
    if (geometry.groups != 1) throw InputError("found a convolution in groups; scores from what goes into a matrix expect one group");
    const at::Tensor x = x_BCHW.detach().to(at::kDouble);
    add_columns(at::sum(x, {0}), y_BCHW, w_OIKK, geometry, seen->sums);
    add_columns(at::sum(x.square(), {0}), y_BCHW, w_OIKK, geometry, seen->squares);
    seen->positions += static_cast<double>(y_BCHW.size(0) * y_BCHW.size(2) * y_BCHW.size(3));
  }
  return y_BCHW;
}

std::map<int, InputSums> ActivationTap::take() {
  std::map<int, InputSums> taken;
  for (auto& [tensor, seen] : seen_) taken[tensor] = std::exchange(seen, {});
  return taken;
}

}  // namespace coppice
