// The one seam between an architecture and the methods that look into it. Every matrix product, convolution and batch norm
// of a model goes through its tap; the default does the bare operation. A method installs a tap to observe inputs, replace
// weights, add a branch, observe gradients or take over a weight's gradient, and no architecture knows of it.
//
// Shapes: B batch, T tokens, I inputs, O outputs, C channels, H and W image size, K kernel size.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace coppice {

using ParamId = int;  // index into the model's "base" arena layout
using NormId = int;   // index of a batch norm: its running mean and variance are moments 2*id and 2*id+1

struct ConvGeometry {
  std::int64_t stride = 1;
  std::int64_t padding = 0;
};

// eps and momentum as in PyTorch's BatchNorm2d.
constexpr double kBatchNormEps = 1e-5;
constexpr double kBatchNormMomentum = 0.1;

enum class Mode : std::uint8_t {
  kTrain,  // batch norm uses and updates the statistics of the batch
  kEval,   // batch norm uses the running statistics
};

struct NormParams {
  at::Tensor gamma_C;
  at::Tensor beta_C;
  at::Tensor running_mean_C;  // float32, updated in place in kTrain
  at::Tensor running_var_C;
};

class Tap {
 public:
  virtual ~Tap() = default;

  // x_I [..., I], w_OI -> [..., O]; `bias_O` may be undefined.
  virtual at::Tensor linear(ParamId weight, const at::Tensor& x_I, const at::Tensor& w_OI, const at::Tensor& bias_O);

  // x_BCHW, w_OIKK -> [B, O, H', W']; `bias_O` may be undefined.
  virtual at::Tensor conv(ParamId weight, const at::Tensor& x_BCHW, const at::Tensor& w_OIKK, const at::Tensor& bias_O,
                          ConvGeometry geometry);

  virtual at::Tensor batch_norm(NormId norm, const at::Tensor& x_BCHW, const NormParams& params, Mode mode);

  // What block `index` of a whole forward pass put out.
  virtual void after_block(int /*index*/, const at::Tensor& /*hidden*/) {}
};

}  // namespace coppice
