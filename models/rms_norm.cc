#include "models/rms_norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/rsqrt.h>
#include <c10/core/ScalarType.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <vector>

#include "models/brain_float.h"
#include "models/element_access.h"
#include "models/parallel_rows.h"
#include "models/rms_norm_kernels.h"

namespace coppice {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

// What other devices and dtypes take, and second derivatives.
at::Tensor composed(const at::Tensor& x, const at::Tensor& gamma_D, double eps) {
  const at::Tensor wide = x.to(c10::promoteTypes(x.scalar_type(), at::kFloat));
  return (wide * at::rsqrt(at::mean(wide * wide, {-1}, true) + eps) * gamma_D).to(x.scalar_type());
}

class RmsNorm : public torch::autograd::Function<RmsNorm> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x_ND, const at::Tensor& gamma_D, double eps) {
    const at::Tensor roots_N = at::empty({x_ND.size(0)}, at::TensorOptions().dtype(at::kFloat));
    const at::Tensor y_ND = at::empty_like(x_ND);
    auto* roots = roots_N.mutable_data_ptr<float>();
    const std::int64_t width = x_ND.size(1);
    with_elements([&](const auto* x, const auto* gamma, auto* y) {
      for_rows(x_ND.size(0), width, [&](std::int64_t n, std::int64_t end) {
        rms_norm_forward(x + n * width, gamma, end - n, width, eps, y + n * width, roots + n);
      });
    }, x_ND, gamma_D, y_ND);
    context->save_for_backward({x_ND, gamma_D, roots_N});
    context->saved_data["eps"] = eps;
    return y_ND;
  }

  static tensor_list backward(AutogradContext* context, tensor_list outer) {
    const tensor_list saved = context->get_saved_variables();
    const at::Tensor &x_ND = saved[0], &gamma_D = saved[1], &roots_N = saved[2];
    if (at::GradMode::is_enabled()) {  // a second derivative is wanted
      const tensor_list again =
          torch::autograd::grad({composed(x_ND, gamma_D, context->saved_data["eps"].toDouble())}, {x_ND, gamma_D}, outer, true, true);
      return {again[0], again[1], {}};
    }
    const at::Tensor g_ND = outer[0].contiguous(), x_gradient_ND = at::empty_like(x_ND), gamma_gradient_D = at::empty_like(gamma_D);
    const std::int64_t rows = x_ND.size(0), width = x_ND.size(1), parts = (rows + kRmsNormRows - 1) / kRmsNormRows;
    const auto* roots = roots_N.const_data_ptr<float>();
    std::vector<float> sums(static_cast<std::size_t>(parts * width));  // of each part's rows, whoever computes them
    with_elements([&](const auto* g, const auto* x, const auto* gamma, auto* to_x, auto* to_gamma) {
      for_rows(parts, kRmsNormRows * width, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t part = begin; part < end; ++part) {
          const std::int64_t n = part * kRmsNormRows, at = n * width;
          rms_norm_backward(g + at, x + at, gamma, roots + n, std::min(kRmsNormRows, rows - n), width, to_x + at,
                            sums.data() + part * width);
        }
      });
      for (std::int64_t i = 0; i < width; ++i) {
        double sum = 0.0;
        for (std::int64_t part = 0; part < parts; ++part) sum += static_cast<double>(sums[static_cast<std::size_t>(part * width + i)]);
        narrow_to(to_gamma[i], static_cast<float>(sum));
      }
    }, g_ND, x_ND, gamma_D, x_gradient_ND, gamma_gradient_D);
    return {x_gradient_ND, gamma_gradient_D, {}};
  }
};

}  // namespace

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& gamma_D, double eps) {
  if (!has_kernels(x) || x.scalar_type() != gamma_D.scalar_type()) return composed(x, gamma_D, eps);
  return RmsNorm::apply(x.reshape({-1, x.size(-1)}).contiguous(), gamma_D.contiguous(), eps).view(x.sizes());
}

}  // namespace coppice
