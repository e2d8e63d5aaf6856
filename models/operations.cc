#include "models/operations.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/as_strided.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/threshold_backward.h>
#include <torch/csrc/autograd/custom_function.h>

#include "models/element_access.h"
#include "models/relu_kernels.h"

namespace coppice {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

at::Tensor dense(const at::Tensor& x) { return x.is_non_overlapping_and_dense() ? x : x.contiguous(); }

// `x` laid out in memory as `other` is.
at::Tensor laid_out_as(const at::Tensor& x, const at::Tensor& other) {
  return x.strides() == other.strides() && x.scalar_type() == other.scalar_type() ? x : at::empty_like(other).copy_(x);
}

at::Tensor gradient_through(const at::Tensor& gradient, const at::Tensor& y) {
  if (at::GradMode::is_enabled()) return at::threshold_backward(gradient, y, 0.0);  // itself differentiable
  const at::Tensor g = laid_out_as(gradient, y);
  at::Tensor out = at::empty_like(y);
  with_elements([&](const auto* gp, const auto* yp, auto* op) { relu_gradient(gp, yp, y.numel(), op); }, g, y, out);
  return out;
}

class Relu : public torch::autograd::Function<Relu> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x) {
    at::Tensor y = at::empty_like(x);
    with_elements([&](const auto* xp, auto* yp) { relu_forward(xp, x.numel(), yp); }, x, y);
    context->save_for_backward({y});
    return y;
  }
  static tensor_list backward(AutogradContext* context, tensor_list outputs) {
    return {gradient_through(outputs[0], context->get_saved_variables()[0])};
  }
};

class AddRelu : public torch::autograd::Function<AddRelu> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& a, const at::Tensor& b) {
    at::Tensor y = at::empty_like(a);
    with_elements([&](const auto* ap, const auto* bp, auto* yp) { add_relu_forward(ap, bp, a.numel(), yp); }, a, b, y);
    context->save_for_backward({y});
    return y;
  }
  static tensor_list backward(AutogradContext* context, tensor_list outputs) {
    const at::Tensor gradient = gradient_through(outputs[0], context->get_saved_variables()[0]);
    return {gradient, gradient};
  }
};

}  // namespace

at::Tensor rectified(const at::Tensor& x) { return has_kernels(x) ? Relu::apply(dense(x)) : at::relu(x); }

at::Tensor rectified_sum(const at::Tensor& a, const at::Tensor& b) {
  if (!has_kernels(a)) return at::relu(a + b);
  const at::Tensor packed = dense(a);
  return AddRelu::apply(packed, laid_out_as(b, packed));
}

at::Tensor channels_last(const at::Tensor& x_BCHW) {
  const at::Tensor packed = x_BCHW.contiguous(at::MemoryFormat::ChannelsLast);
  if (packed.suggest_memory_format() == at::MemoryFormat::ChannelsLast) return packed;
  const std::int64_t channels = packed.size(1), height = packed.size(2), width = packed.size(3);
  return packed.as_strided(packed.sizes(), {channels * height * width, 1, channels * width, channels});
}

}  // namespace coppice
