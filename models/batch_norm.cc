#include "models/batch_norm.h"

#include <ATen/ops/native_batch_norm.h>

namespace coppice {

at::Tensor batch_norm(const at::Tensor& x_BCHW, const NormParams& params, Mode mode) {
  const at::ScalarType dtype = x_BCHW.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  return std::get<0>(at::native_batch_norm(x_BCHW, params.gamma_C.to(dtype), params.beta_C.to(dtype),
                                           params.running_mean_C, params.running_var_C, mode == Mode::kTrain,
                                           kBatchNormMomentum, kBatchNormEps));
}

}  // namespace coppice
