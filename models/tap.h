// The one seam between an architecture and the methods that look into it. Every matrix product, convolution and batch norm
// of a model goes through its tap; the default does the bare operation. A method installs a tap to observe inputs, replace
// weights, add a branch, observe gradients or take over a weight's gradient, and no architecture knows of it.
//
// Shapes: B batch, T tokens, I inputs, O outputs, C channels, H and W image size, K kernel size.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>

namespace coppice {

using ParamId = int;  // index into the model's "base" arena layout
using NormId = int;   // index of a batch norm: its running mean and variance are moments 2*id and 2*id+1

// Of rows and of columns. In `groups` each output sees I of the C inputs, those of its group.
struct ConvGeometry {
  std::array<std::int64_t, 2> stride = {1, 1};
  std::array<std::int64_t, 2> padding = {0, 0};
  std::array<std::int64_t, 2> dilation = {1, 1};
  std::int64_t groups = 1;
};

constexpr ConvGeometry square_conv(std::int64_t stride, std::int64_t padding) {
  return {.stride = {stride, stride}, .padding = {padding, padding}};
}

// What PyTorch's BatchNorm2d has by default.
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
  double eps = kBatchNormEps;
  double momentum = kBatchNormMomentum;
};

class Tap {
 public:
  virtual ~Tap() = default;

  // x_I [..., I], w_OI -> [..., O]; `bias_O` may be undefined.
  virtual at::Tensor linear(ParamId weight, const at::Tensor& x_I, const at::Tensor& w_OI, const at::Tensor& bias_O);

  // x_BCHW, w_OIKK -> [B, O, H', W']; `bias_O` may be undefined.
  virtual at::Tensor conv(ParamId weight, const at::Tensor& x_BCHW, const at::Tensor& w_OIKK, const at::Tensor& bias_O,
                          ConvGeometry geometry);

  // Channels are dim 1; what an architecture of another's making norms may be [B, C] or [B, C, T].
  virtual at::Tensor batch_norm(NormId norm, const at::Tensor& x_BCHW, const NormParams& params, Mode mode);

  // What block `index` of a whole forward pass put out.
  virtual void after_block(int /*index*/, const at::Tensor& /*hidden*/) {}
};

}  // namespace coppice
