#include "models/matrix_vector.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include "models/element_access.h"
#include "models/matrix_vector_kernels.h"
#include "models/parallel_rows.h"

namespace coppice {

bool is_matrix_vector(const at::Tensor& x_I, const at::Tensor& w_OI) {
  return !at::GradMode::is_enabled() && x_I.numel() == w_OI.size(1) && has_kernels(x_I) && has_kernels(w_OI) &&
         x_I.scalar_type() == w_OI.scalar_type() && w_OI.is_contiguous();
}

at::Tensor matrix_vector(const at::Tensor& x_I, const at::Tensor& w_OI, const at::Tensor& bias_O) {
  const std::int64_t outputs = w_OI.size(0), inputs = w_OI.size(1);
  std::vector<std::int64_t> shape = x_I.sizes().vec();
  shape.back() = outputs;
  const at::Tensor y_O = at::empty(shape, x_I.options()), wide_I = x_I.to(at::kFloat).contiguous();
  const auto* x = wide_I.const_data_ptr<float>();
  with_elements([&](const auto* w, auto* y) {
    for_rows(outputs, inputs, [&](std::int64_t begin, std::int64_t end) {
      matrix_vector(w + begin * inputs, x, end - begin, inputs, y + begin);
    });
  }, w_OI, y_O);
  return bias_O.defined() ? y_O.add_(bias_O) : y_O;
}

}  // namespace coppice
