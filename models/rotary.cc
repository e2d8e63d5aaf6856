#include "models/rotary.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>

#include "models/element_access.h"
#include "models/parallel_rows.h"
#include "models/transformer_kernels.h"

namespace coppice {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

// What other devices and dtypes take.
at::Tensor composed(const at::Tensor& x_BTHD, const at::Tensor& cos_TP, const at::Tensor& sin_TP) {
  const auto spread = [&](const at::Tensor& table_TP) { return at::cat({table_TP, table_TP}, -1).unsqueeze(1).to(x_BTHD.scalar_type()); };
  const std::vector<at::Tensor> halves = x_BTHD.chunk(2, -1);
  return x_BTHD * spread(cos_TP) + at::cat({-halves[1], halves[0]}, -1) * spread(sin_TP);
}

class Rotation : public torch::autograd::Function<Rotation> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x_BTHD, const at::Tensor& cos_TP, const at::Tensor& sin_TP,
                            double direction) {
    const std::int64_t tokens = x_BTHD.size(1), heads = x_BTHD.size(2), pairs = x_BTHD.size(3) / 2;
    const at::Tensor y_BTHD = at::empty_like(x_BTHD);
    with_elements([&](const auto* x, auto* y) {
      const std::int64_t width = heads * 2 * pairs;
      for_rows(x_BTHD.size(0) * tokens, width, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t row = begin; row < end; ++row) {
          const std::int64_t at = row % tokens * pairs;
          rotate(x + row * width, heads, pairs, cos_TP.const_data_ptr<float>() + at, sin_TP.const_data_ptr<float>() + at,
                 static_cast<float>(direction), y + row * width);
        }
      });
    }, x_BTHD, y_BTHD);
    context->save_for_backward({cos_TP, sin_TP});
    context->saved_data["direction"] = direction;
    return y_BTHD;
  }

  // Turning back.
  static tensor_list backward(AutogradContext* context, tensor_list outer) {
    const tensor_list saved = context->get_saved_variables();
    const at::Tensor gradient = apply(outer[0].contiguous(), saved[0], saved[1], -context->saved_data["direction"].toDouble());
    return {gradient, {}, {}, {}};
  }
};

}  // namespace

RotaryTable::RotaryTable(std::int64_t tokens, std::int64_t head_dim, double base) {
  const std::int64_t pairs = head_dim / 2;
  cos_TP = at::empty({tokens, pairs}, at::TensorOptions().dtype(at::kFloat));
  sin_TP = at::empty({tokens, pairs}, at::TensorOptions().dtype(at::kFloat));
  auto* cos = cos_TP.mutable_data_ptr<float>();
  auto* sin = sin_TP.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < pairs; ++i) {
    const double frequency = std::pow(base, -2.0 * static_cast<double>(i) / static_cast<double>(head_dim));
    for (std::int64_t t = 0; t < tokens; ++t) {
      cos[t * pairs + i] = static_cast<float>(std::cos(static_cast<double>(t) * frequency));
      sin[t * pairs + i] = static_cast<float>(std::sin(static_cast<double>(t) * frequency));
    }
  }
}

at::Tensor rotated(const at::Tensor& x_BTHD, const RotaryTable& table, std::int64_t first) {
  const at::Tensor cos_TP = table.cos_TP.narrow(0, first, x_BTHD.size(1)), sin_TP = table.sin_TP.narrow(0, first, x_BTHD.size(1));
  if (!has_kernels(x_BTHD)) return composed(x_BTHD, cos_TP, sin_TP);
  return Rotation::apply(x_BTHD.contiguous(), cos_TP, sin_TP, 1.0);
}

}  // namespace coppice
