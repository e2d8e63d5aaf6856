#include "models/wide_linear.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/matmul.h>
#include <torch/csrc/autograd/custom_function.h>

namespace coppice {
namespace {

constexpr std::int64_t kFewestRows = 16;
constexpr std::int64_t kFewestProducts = std::int64_t{12} << 20;  // rows times weights

// The product that PyTorch's own compiler emits; the dispatcher is its only public way in.
using Product = at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&, std::string_view,
                           c10::List<std::optional<at::Scalar>>, std::optional<std::string_view>);

const std::optional<c10::OperatorHandle>& product_handle() {
  static const std::optional<c10::OperatorHandle> handle =
      c10::Dispatcher::singleton().findSchema({"mkldnn::_linear_pointwise", ""});
  return handle;
}

// x_RI w_OI^T + b; operands may be transposed views.
at::Tensor product(const at::Tensor& x_RI, const at::Tensor& w_OI, const std::optional<at::Tensor>& bias_O = {}) {
  static const auto typed = product_handle()->typed<Product>();
  return typed.call(x_RI, w_OI, bias_O, "none", c10::List<std::optional<at::Scalar>>(), "");
}

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

class WideLinear : public torch::autograd::Function<WideLinear> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x_RI, const at::Tensor& w_OI,
                            const std::optional<at::Tensor>& bias_O) {
    context->save_for_backward({x_RI, w_OI});
    context->saved_data["biased"] = bias_O.has_value();
    return product(x_RI, w_OI, bias_O);
  }

  static tensor_list backward(AutogradContext* context, tensor_list outputs) {
    const tensor_list saved = context->get_saved_variables();
    const at::Tensor &g_RO = outputs[0], &x_RI = saved[0], &w_OI = saved[1];
    const bool again = at::GradMode::is_enabled();  // a second derivative is wanted
    tensor_list gradients(3);
    if (context->needs_input_grad(0)) gradients[0] = again ? at::matmul(g_RO, w_OI) : product(g_RO, w_OI.t());
    if (context->needs_input_grad(1)) gradients[1] = again ? at::matmul(g_RO.t(), x_RI) : product(g_RO.t(), x_RI.t());
    if (context->saved_data["biased"].toBool() && context->needs_input_grad(2)) gradients[2] = g_RO.sum(0);
    return gradients;
  }
};

bool has_avx512() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512f") != 0;
#else
  return false;
#endif
}

}  // namespace

bool is_wide_linear(const at::Tensor& x_I, const at::Tensor& w_OI) {
  static const bool pays = has_avx512() && product_handle().has_value();
  return pays && x_I.is_cpu() && x_I.scalar_type() == at::kFloat && w_OI.scalar_type() == at::kFloat && x_I.numel() * w_OI.size(0) >= kFewestProducts &&
         x_I.numel() >= kFewestRows * w_OI.size(1);
}

at::Tensor wide_linear(const at::Tensor& x_I, const at::Tensor& w_OI, const at::Tensor& bias_O) {
  std::vector<std::int64_t> shape = x_I.sizes().vec();
  shape.back() = w_OI.size(0);
  const std::optional<at::Tensor> bias = bias_O.defined() ? std::optional(bias_O) : std::nullopt;
  return WideLinear::apply(x_I.reshape({-1, w_OI.size(1)}), w_OI, bias).view(shape);
}

}  // namespace coppice
