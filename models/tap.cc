#include "models/tap.h"

#include <ATen/ops/linear.h>

#include "models/batch_norm.h"
#include "models/convolution.h"
#include "models/emulated_bfloat.h"
#include "models/matrix_vector.h"
#include "models/wide_linear.h"

namespace coppice {

at::Tensor Tap::linear(ParamId weight, const at::Tensor& x_I, const at::Tensor& w_OI, const at::Tensor& bias_O) {
  if (is_matrix_vector(x_I, w_OI)) return matrix_vector(x_I, w_OI, bias_O);
  if (is_emulated(x_I)) return as_bfloat(Tap::linear(weight, as_float(x_I), as_float(w_OI), as_float(bias_O)));
  return is_wide_linear(x_I, w_OI) ? wide_linear(x_I, w_OI, bias_O) : at::linear(x_I, w_OI, bias_O);
}

at::Tensor Tap::conv(ParamId /*weight*/, const at::Tensor& x_BCHW, const at::Tensor& w_OIKK, const at::Tensor& bias_O,
                     ConvGeometry geometry) {
  return convolution(x_BCHW, w_OIKK, bias_O, geometry);
}

at::Tensor Tap::batch_norm(NormId /*norm*/, const at::Tensor& x_BCHW, const NormParams& params, Mode mode) {
  return coppice::batch_norm(x_BCHW, params, mode);
}

}  // namespace coppice
