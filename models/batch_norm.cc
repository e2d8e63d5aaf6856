#include "models/batch_norm.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/native_batch_norm.h>
#include <ATen/ops/native_batch_norm_backward.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>
#include <vector>

#include "models/channel_kernels.h"
#include "models/element_access.h"
#include "models/operations.h"

namespace coppice {
namespace {

std::span<float> floats(const at::Tensor& x_C) {
  return {x_C.mutable_data_ptr<float>(), static_cast<std::size_t>(x_C.numel())};
}

RowsByChannels shape_of(const at::Tensor& x_BCHW) {
  return {x_BCHW.size(0) * x_BCHW.size(2) * x_BCHW.size(3), x_BCHW.size(1)};
}

struct Statistics {
  at::Tensor mean_C;      // float
  at::Tensor inverse_C;   // 1 / sqrt(var + eps)
};

Statistics batch_statistics(const at::Tensor& x_BCHW, const at::Tensor& running_mean_C, const at::Tensor& running_var_C, double eps,
                            double momentum) {
  const RowsByChannels shape = shape_of(x_BCHW);
  std::vector<double> mean(static_cast<std::size_t>(shape.channels_C)), var(mean.size());
  with_elements([&](const auto* x) { channel_moments(x, shape, mean, var); }, x_BCHW);
  const auto options = at::TensorOptions().dtype(at::kFloat);
  Statistics statistics{at::empty({shape.channels_C}, options), at::empty({shape.channels_C}, options)};
  const std::span<float> running_mean = floats(running_mean_C), running_var = floats(running_var_C);
  const auto rows = static_cast<double>(shape.rows_N);
  const double unbias = shape.rows_N > 1 ? rows / (rows - 1.0) : 1.0;
  for (std::size_t c = 0; c < mean.size(); ++c) {
    floats(statistics.mean_C)[c] = static_cast<float>(mean[c]);
    floats(statistics.inverse_C)[c] = static_cast<float>(1.0 / std::sqrt(var[c] + eps));
    running_mean[c] = static_cast<float>((1.0 - momentum) * running_mean[c] + momentum * mean[c]);
    running_var[c] = static_cast<float>((1.0 - momentum) * running_var[c] + momentum * var[c] * unbias);
  }
  return statistics;
}

Statistics running_statistics(const at::Tensor& running_mean_C, const at::Tensor& running_var_C, double eps) {
  Statistics statistics{running_mean_C.clone(), at::empty_like(running_var_C)};
  const std::span<const float> var = floats(running_var_C);
  for (std::size_t c = 0; c < var.size(); ++c) {
    floats(statistics.inverse_C)[c] = static_cast<float>(1.0 / std::sqrt(static_cast<double>(var[c]) + eps));
  }
  return statistics;
}

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

// One pass for the statistics, one for y; backward one pass for the sums, one for the input gradient. ATen needs about four
// times as long for bfloat16 images of few channels.
class ChannelsLastBatchNorm : public torch::autograd::Function<ChannelsLastBatchNorm> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x_BCHW, const at::Tensor& gamma_C,
                            const at::Tensor& beta_C, const at::Tensor& running_mean_C, const at::Tensor& running_var_C,
                            bool train, double eps, double momentum) {
    const Statistics statistics = train ? batch_statistics(x_BCHW, running_mean_C, running_var_C, eps, momentum)
                                        : running_statistics(running_mean_C, running_var_C, eps);
    const at::Tensor gamma = gamma_C.to(at::kFloat), beta = beta_C.to(at::kFloat), scale = at::empty_like(gamma);
    for (std::int64_t c = 0; c < gamma.numel(); ++c) floats(scale)[c] = floats(gamma)[c] * floats(statistics.inverse_C)[c];
    at::Tensor y_BCHW = at::empty_like(x_BCHW);
    with_elements(
        [&](const auto* x, auto* y) {
          channel_affine(x, shape_of(x_BCHW), floats(statistics.mean_C), floats(scale), floats(beta), y);
        },
        x_BCHW, y_BCHW);
    context->save_for_backward({x_BCHW, gamma_C, statistics.mean_C, statistics.inverse_C});
    context->saved_data["train"] = train;
    context->saved_data["eps"] = eps;
    return y_BCHW;
  }

  static tensor_list backward(AutogradContext* context, tensor_list outputs) {
    const tensor_list saved = context->get_saved_variables();
    const at::Tensor& x_BCHW = saved[0];
    const at::Tensor g_BCHW = channels_last(outputs[0]);
    const bool train = context->saved_data["train"].toBool();
    if (at::GradMode::is_enabled()) return differentiable_backward(g_BCHW, saved, train, context->saved_data["eps"].toDouble());

    const RowsByChannels shape = shape_of(x_BCHW);
    const std::span<const float> mean = floats(saved[2]), inverse = floats(saved[3]);
    std::vector<double> sum(mean.size()), product(mean.size());
    with_elements([&](const auto* g, const auto* x) { channel_gradient_sums(g, x, shape, mean, sum, product); }, g_BCHW,
                  x_BCHW);
    const at::Tensor gamma = saved[1].to(at::kFloat);
    at::Tensor gamma_gradient = at::empty_like(gamma), beta_gradient = at::empty_like(gamma);
    std::vector<float> scale(mean.size()), slope(mean.size(), 0.0F), offset(mean.size(), 0.0F);
    const auto rows = static_cast<double>(shape.rows_N);
    for (std::size_t c = 0; c < mean.size(); ++c) {
      scale[c] = floats(gamma)[c] * inverse[c];
      floats(gamma_gradient)[c] = static_cast<float>(product[c] * inverse[c]);
      floats(beta_gradient)[c] = static_cast<float>(sum[c]);
      if (!train) continue;
      slope[c] = static_cast<float>(-scale[c] * product[c] * inverse[c] * inverse[c] / rows);
      offset[c] = static_cast<float>(-scale[c] * sum[c] / rows);
    }
    at::Tensor x_gradient;
    if (context->needs_input_grad(0)) {
      x_gradient = at::empty_like(x_BCHW);
      with_elements([&](const auto* g, const auto* x,
                        auto* out) { channel_gradient(g, x, shape, scale, mean, slope, offset, out); },
                    g_BCHW, x_BCHW, x_gradient);
    }
    const at::ScalarType dtype = saved[1].scalar_type();
    return {x_gradient, gamma_gradient.to(dtype), beta_gradient.to(dtype), {}, {}, {}, {}, {}};
  }

 private:
  // For second derivatives; in kEval the statistics saved are the running ones.
  static tensor_list differentiable_backward(const at::Tensor& g_BCHW, const tensor_list& saved, bool train, double eps) {
    const at::Tensor var = saved[3].pow(-2).sub(eps);
    auto [x_gradient, gamma_gradient, beta_gradient] = at::native_batch_norm_backward(
        g_BCHW, saved[0], saved[1].to(at::kFloat), saved[2], var, saved[2], saved[3], train, eps,
        {true, true, true});
    const at::ScalarType dtype = saved[1].scalar_type();
    return {x_gradient, gamma_gradient.to(dtype), beta_gradient.to(dtype), {}, {}, {}, {}, {}};
  }
};

}  // namespace

at::Tensor batch_norm(const at::Tensor& x_BCHW, const NormParams& params, Mode mode) {
  const bool train = mode == Mode::kTrain;
  if (x_BCHW.dim() == 4 && has_kernels(x_BCHW)) {
    return ChannelsLastBatchNorm::apply(channels_last(x_BCHW), params.gamma_C, params.beta_C, params.running_mean_C,
                                        params.running_var_C, train, params.eps, params.momentum);
  }
  const at::ScalarType dtype = x_BCHW.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  return std::get<0>(at::native_batch_norm(x_BCHW, params.gamma_C.to(dtype), params.beta_C.to(dtype),
                                           params.running_mean_C, params.running_var_C, train, params.momentum,
                                           params.eps));
}

}  // namespace coppice
