#include "algorithms/taps/batch_norm_moments.h"

#include <ATen/ops/native_batch_norm.h>

#include <algorithm>
#include <tuple>

#include "core/error.h"

namespace coppice {

at::Tensor BatchNormMoments::batch_norm(NormId norm, const at::Tensor& x_BCHW, const NormParams& params, Mode mode) {
  if (mode != Mode::kTrain) throw Error("batch-norm moments are those of a train-mode pass");
  auto [y, mean, inverse_std] =
      at::native_batch_norm(x_BCHW, params.gamma_C.to(at::kFloat), params.beta_C.to(at::kFloat), params.running_mean_C,
                            params.running_var_C, true, params.momentum, params.eps);
  if (static_cast<std::size_t>(norm) >= sums_.size()) sums_.resize(static_cast<std::size_t>(norm) + 1);
  Sums& sums = sums_[static_cast<std::size_t>(norm)];
  const at::Tensor mean_C = mean.to(at::kFloat).contiguous();
  const at::Tensor inverse_C = inverse_std.to(at::kFloat).contiguous();
  const auto channels = static_cast<std::size_t>(mean_C.numel());
  const auto values = static_cast<double>(x_BCHW.numel()) / static_cast<double>(channels);
  sums.sum_C.resize(channels, 0.0);
  sums.square_C.resize(channels, 0.0);
  sums.count += values;
  for (std::size_t c = 0; c < channels; ++c) {
    const double m = mean_C.const_data_ptr<float>()[c];
    const double inverse = inverse_C.const_data_ptr<float>()[c];
    // A constant channel leaves eps alone under the root; rounding may dip below it.
    const double variance = std::max(0.0, 1.0 / (inverse * inverse) - params.eps);
    sums.sum_C[c] += values * m;
    sums.square_C[c] += values * (variance + m * m);
  }
  return y;
}

}  // namespace coppice
