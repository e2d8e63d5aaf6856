#include "models/distillation.h"

#include <algorithm>
#include <numeric>
#include <type_traits>
#include <vector>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/scalar_tensor.h>
#include <torch/csrc/autograd/custom_function.h>

#include "core/error.h"
#include "models/brain_float.h"
#include "models/distillation_kernels.h"
#include "models/element_access.h"
#include "models/losses.h"
#include "models/parallel_rows.h"

namespace coppice {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

static_assert(sizeof(DistilledRow) == 6 * sizeof(float));

class Distillation : public torch::autograd::Function<Distillation> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x_NV, const at::Tensor& y_NV, const at::Tensor& classes_N,
                            double temperature, double weight) {
    const std::int64_t rows = x_NV.size(0), outputs = x_NV.size(1);
    const at::Tensor rows_N6 = at::empty({rows, 6}, at::TensorOptions().dtype(at::kFloat));
    auto* row = reinterpret_cast<DistilledRow*>(rows_N6.mutable_data_ptr<float>());
    const auto* classes = classes_N.const_data_ptr<std::int64_t>();
    const auto cooling = static_cast<float>(1.0 / temperature);
    std::vector<double> losses(static_cast<std::size_t>(rows));
    with_elements([&](const auto* x, const auto* y) {
      for_rows(rows, outputs, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t n = begin; n < end; ++n) {
          if (classes[n] == kIgnoredTarget) continue;
          row[n] = distilled_row(x + n * outputs, y + n * outputs, outputs, cooling);
          const auto [largest, log_sum] = row[n].student;
          const double hard = static_cast<double>(largest - widened(x[n * outputs + classes[n]])) + static_cast<double>(log_sum);
          losses[static_cast<std::size_t>(n)] =
              (1.0 - weight) * hard + weight * temperature * temperature * static_cast<double>(row[n].divergence);
        }
      });
    }, x_NV, y_NV);
    context->save_for_backward({x_NV, y_NV, classes_N, rows_N6});
    context->saved_data["temperature"] = temperature;
    context->saved_data["weight"] = weight;
    return at::scalar_tensor(std::accumulate(losses.begin(), losses.end(), 0.0), at::TensorOptions().dtype(at::kFloat));
  }

  static tensor_list backward(AutogradContext* context, tensor_list outer) {
    if (at::GradMode::is_enabled()) throw Error("a distilled loss is differentiated once only");
    const tensor_list saved = context->get_saved_variables();
    const at::Tensor &x_NV = saved[0], &y_NV = saved[1], &classes_N = saved[2], &rows_N6 = saved[3];
    const std::int64_t rows = x_NV.size(0), outputs = x_NV.size(1);
    const auto* row = reinterpret_cast<const DistilledRow*>(rows_N6.const_data_ptr<float>());
    const auto* classes = classes_N.const_data_ptr<std::int64_t>();
    const double temperature = context->saved_data["temperature"].toDouble(), weight = context->saved_data["weight"].toDouble();
    const double scale = outer[0].item<double>();
    const auto hard = static_cast<float>(scale * (1.0 - weight)), soft = static_cast<float>(scale * weight * temperature);
    const auto cooling = static_cast<float>(1.0 / temperature);
    const at::Tensor out_NV = at::empty_like(x_NV);
    with_elements([&](const auto* x, const auto* y, auto* out) {
      for_rows(rows, outputs, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t n = begin; n < end; ++n) {
          const std::int64_t at = n * outputs;
          if (classes[n] == kIgnoredTarget) {
            std::fill_n(out + at, outputs, std::remove_pointer_t<decltype(out)>{0});
          } else {
            distilled_gradient(x + at, y + at, outputs, row[n], classes[n], hard, soft, cooling, out + at);
          }
        }
      });
    }, x_NV, y_NV, out_NV);
    return {out_NV, {}, {}, {}, {}};
  }
};

}  // namespace

at::Tensor distilled_loss_sum(const at::Tensor& logits, const at::Tensor& targets, const Guide& guide) {
  check_targets(LossKind::kCrossEntropy, logits, targets);
  if (!has_kernels(logits) || guide.logits.sizes() != logits.sizes() || guide.logits.scalar_type() != logits.scalar_type()) {
    throw Error("distillation: the logits of teacher and student are not alike");
  }
  const std::int64_t outputs = logits.size(-1);
  return Distillation::apply(logits.reshape({-1, outputs}).contiguous(), guide.logits.reshape({-1, outputs}).contiguous(),
                             targets.reshape({-1}).contiguous(), guide.temperature, guide.weight);
}

}  // namespace coppice
