#include "models/gated_silu.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/silu.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include "models/element_access.h"
#include "models/parallel_rows.h"
#include "models/transformer_kernels.h"

namespace coppice {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

class GatedSilu : public torch::autograd::Function<GatedSilu> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& a, const at::Tensor& b) {
    const at::Tensor y = at::empty_like(a);
    with_elements([&](const auto* ap, const auto* bp, auto* yp) {
      for_rows(a.numel(), 1, [&](std::int64_t i, std::int64_t end) { gated_silu_forward(ap + i, bp + i, end - i, yp + i); });
    }, a, b, y);
    context->save_for_backward({a, b});
    return y;
  }

  static tensor_list backward(AutogradContext* context, tensor_list outer) {
    const tensor_list saved = context->get_saved_variables();
    const at::Tensor &a = saved[0], &b = saved[1];
    if (at::GradMode::is_enabled()) {  // a second derivative is wanted
      return torch::autograd::grad({at::silu(a) * b}, {a, b}, outer, true, true);
    }
    const at::Tensor g = outer[0].contiguous(), a_gradient = at::empty_like(a), b_gradient = at::empty_like(b);
    with_elements([&](const auto* gp, const auto* ap, const auto* bp, auto* to_a, auto* to_b) {
      for_rows(a.numel(), 1, [&](std::int64_t i, std::int64_t end) {
        gated_silu_backward(gp + i, ap + i, bp + i, end - i, to_a + i, to_b + i);
      });
    }, g, a, b, a_gradient, b_gradient);
    return {a_gradient, b_gradient};
  }
};

}  // namespace

at::Tensor gated_silu(const at::Tensor& a, const at::Tensor& b) {
  return has_kernels(a) && a.scalar_type() == b.scalar_type() ? GatedSilu::apply(a.contiguous(), b.contiguous()) : at::silu(a) * b;
}

}  // namespace coppice
