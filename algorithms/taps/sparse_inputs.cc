#include "algorithms/taps/sparse_inputs.h"

#include <algorithm>
#include <cmath>

#include <ATen/ops/kthvalue.h>
#include <ATen/ops/where.h>
#include <torch/csrc/autograd/custom_function.h>

#include "models/convolution.h"

namespace coppice {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

class SparseLinear : public torch::autograd::Function<SparseLinear> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& w_OI, const std::optional<at::Tensor>& bias_O,
                            double kept) {
    context->save_for_backward({largest(x, kept), w_OI});
    context->saved_data["biased"] = bias_O.has_value();
    return Tap().linear(0, x, w_OI, bias_O.value_or(at::Tensor()));
  }

  static tensor_list backward(AutogradContext* context, tensor_list outputs) {
    const tensor_list saved = context->get_saved_variables();
    const at::Tensor &g = outputs[0], &x = saved[0], &w_OI = saved[1];
    tensor_list gradients(4);
    if (context->needs_input_grad(0)) gradients[0] = Tap().linear(0, g, w_OI.t(), {});
    const at::Tensor g_RO = g.reshape({-1, w_OI.size(0)});
    if (context->needs_input_grad(1)) gradients[1] = Tap().linear(0, g_RO.t(), x.reshape({-1, w_OI.size(1)}).t(), {});
    if (context->saved_data["biased"].toBool()) gradients[2] = g_RO.sum(0);
    return gradients;
  }
};

class SparseConv : public torch::autograd::Function<SparseConv> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& w_OIKK, const std::optional<at::Tensor>& bias_O,
                            const ConvGeometry& geometry, double kept) {
    context->save_for_backward({largest(x, kept), w_OIKK});
    context->saved_data["biased"] = bias_O.has_value();
    const auto& [stride, padding, dilation, groups] = geometry;
    context->saved_data["geometry"] =
        std::vector<std::int64_t>{stride[0], stride[1], padding[0], padding[1], dilation[0], dilation[1], groups};
    return Tap().conv(0, x, w_OIKK, bias_O.value_or(at::Tensor()), geometry);
  }

  static tensor_list backward(AutogradContext* context, tensor_list outputs) {
    const tensor_list saved = context->get_saved_variables();
    const std::vector<std::int64_t> g = context->saved_data["geometry"].toIntVector();
    const ConvGeometry geometry{.stride = {g[0], g[1]}, .padding = {g[2], g[3]}, .dilation = {g[4], g[5]}, .groups = g[6]};
    const ConvGradients to = convolution_gradients(
        outputs[0], saved[0], saved[1], geometry,
        {.x = context->needs_input_grad(0), .w = context->needs_input_grad(1), .bias = context->saved_data["biased"].toBool()});
    return {to.x_BCHW, to.w_OIKK, to.bias_O, at::Tensor(), at::Tensor()};
  }
};

std::optional<at::Tensor> if_any(const at::Tensor& bias_O) { return bias_O.defined() ? std::optional(bias_O) : std::nullopt; }

}  // namespace

at::Tensor largest(const at::Tensor& x, double kept) {
  const std::int64_t dropped = x.numel() - std::max<std::int64_t>(1, std::llround(kept * static_cast<double>(x.numel())));
  if (dropped <= 0) return x;
  const at::Tensor magnitude = x.abs().to(at::kFloat);
  const at::Tensor threshold = std::get<0>(at::kthvalue(magnitude.reshape({-1}), dropped + 1));
  return at::where(magnitude.ge(threshold), x, 0.0);
}

at::Tensor SparseInputs::linear(ParamId /*weight*/, const at::Tensor& x_I, const at::Tensor& w_OI, const at::Tensor& bias_O) {
  return SparseLinear::apply(x_I, w_OI, if_any(bias_O), kept_);
}

at::Tensor SparseInputs::conv(ParamId /*weight*/, const at::Tensor& x_BCHW, const at::Tensor& w_OIKK, const at::Tensor& bias_O,
                              ConvGeometry geometry) {
  return SparseConv::apply(x_BCHW, w_OIKK, if_any(bias_O), geometry, kept_);
}

}  // namespace coppice
