#include "models/cross_entropy.h"

#include <algorithm>
#include <numeric>
#include <type_traits>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include "models/brain_float.h"
#include "models/cross_entropy_kernels.h"
#include "models/element_access.h"
#include "models/losses.h"
#include "models/parallel_rows.h"

namespace coppice {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

class CrossEntropy : public torch::autograd::Function<CrossEntropy> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& logits_NV, const at::Tensor& classes_N) {
    const std::int64_t rows = logits_NV.size(0), outputs = logits_NV.size(1);
    const at::Tensor normalisers_N2 = at::empty({rows, 2}, at::TensorOptions().dtype(at::kFloat));
    auto* normalisers = normalisers_N2.mutable_data_ptr<float>();
    const auto* classes = classes_N.const_data_ptr<std::int64_t>();
    std::vector<double> losses(static_cast<std::size_t>(rows));
    with_elements([&](const auto* logits) {
      for_rows(rows, outputs, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t n = begin; n < end; ++n) {
          if (classes[n] == kIgnoredTarget) continue;
          const auto* row = logits + n * outputs;
          const auto [largest, log_sum] = log_sum_exp(row, outputs);
          normalisers[2 * n] = largest;
          normalisers[2 * n + 1] = log_sum;
          losses[static_cast<std::size_t>(n)] = static_cast<double>(largest - widened(row[classes[n]])) + static_cast<double>(log_sum);
        }
      });
    }, logits_NV);
    context->save_for_backward({logits_NV, classes_N, normalisers_N2});
    return at::scalar_tensor(std::accumulate(losses.begin(), losses.end(), 0.0), at::TensorOptions().dtype(at::kFloat));
  }

  static tensor_list backward(AutogradContext* context, tensor_list outer) {
    const tensor_list saved = context->get_saved_variables();
    const at::Tensor &logits_NV = saved[0], &classes_N = saved[1], &normalisers_N2 = saved[2];
    const bool again = at::GradMode::is_enabled();  // a second derivative is wanted
    return {again ? differentiable(logits_NV, classes_N, outer[0]) : gradient(logits_NV, classes_N, normalisers_N2, outer[0]), {}};
  }

 private:
  static at::Tensor gradient(const at::Tensor& logits_NV, const at::Tensor& classes_N, const at::Tensor& normalisers_N2,
                             const at::Tensor& outer) {
    const std::int64_t rows = logits_NV.size(0), outputs = logits_NV.size(1);
    const auto* classes = classes_N.const_data_ptr<std::int64_t>();
    const auto* normalisers = normalisers_N2.const_data_ptr<float>();
    const auto scale = outer.item<float>();
    const at::Tensor out_NV = at::empty_like(logits_NV);
    with_elements([&](const auto* logits, auto* out) {
      for_rows(rows, outputs, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t n = begin; n < end; ++n) {
          if (classes[n] == kIgnoredTarget) {
            std::fill_n(out + n * outputs, outputs, std::remove_pointer_t<decltype(out)>{0});
          } else {
            cross_entropy_gradient(logits + n * outputs, outputs, {normalisers[2 * n], normalisers[2 * n + 1]}, classes[n], scale,
                                   out + n * outputs);
          }
        }
      });
    }, logits_NV, out_NV);
    return out_NV;
  }

  static at::Tensor differentiable(const at::Tensor& logits_NV, const at::Tensor& classes_N, const at::Tensor& outer) {
    const at::Tensor counted_N1 = classes_N.ne(kIgnoredTarget).unsqueeze(1);
    const at::Tensor classes_N1 = classes_N.clamp_min(0).unsqueeze(1);
    const at::Tensor chances_NV = at::softmax(logits_NV.to(at::kFloat), 1);
    return ((chances_NV - at::zeros_like(chances_NV).scatter(1, classes_N1, 1.0)) * counted_N1 * outer).to(logits_NV.scalar_type());
  }
};

}  // namespace

at::Tensor cross_entropy_sum(const at::Tensor& logits_NV, const at::Tensor& classes_N) {
  return CrossEntropy::apply(logits_NV.contiguous(), classes_N.contiguous());
}

}  // namespace coppice
