#include "models/convolution.h"

#include <ATen/ops/conv2d.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/zeros_like.h>

#include <utility>

#include "models/emulated_bfloat.h"
#include "models/operations.h"

namespace coppice {
namespace {

constexpr std::int64_t kWidestVector = 16;  // floats

bool sees_every_sth(const at::Tensor& x_BCHW, const at::Tensor& w_OIKK, const ConvGeometry& geometry) {
  const bool strided = geometry.stride[0] > 1 || geometry.stride[1] > 1, padded = geometry.padding[0] > 0 || geometry.padding[1] > 0;
  return strided && !padded && w_OIKK.size(2) == 1 && w_OIKK.size(3) == 1 && x_BCHW.size(1) % kWidestVector != 0;
}

// A view of x.
at::Tensor every_sth(const at::Tensor& x_BCHW, const ConvGeometry& geometry) {
  return x_BCHW.slice(2, 0, x_BCHW.size(2), geometry.stride[0]).slice(3, 0, x_BCHW.size(3), geometry.stride[1]);
}

ConvGeometry without_stride(ConvGeometry geometry) {
  geometry.stride = {1, 1};
  return geometry;
}

}  // namespace

at::Tensor convolution(const at::Tensor& x_BCHW, const at::Tensor& w_OIKK, const at::Tensor& bias_O, const ConvGeometry& geometry) {
  if (is_emulated(x_BCHW)) return as_bfloat(convolution(as_float(x_BCHW), as_float(w_OIKK), as_float(bias_O), geometry));
  if (sees_every_sth(x_BCHW, w_OIKK, geometry)) return convolution(every_sth(x_BCHW, geometry), w_OIKK, bias_O, without_stride(geometry));
  return at::conv2d(channels_last(x_BCHW), w_OIKK, bias_O, geometry.stride, geometry.padding, geometry.dilation, geometry.groups);
}

ConvGradients convolution_gradients(const at::Tensor& gradient_BOHW, const at::Tensor& x_BCHW, const at::Tensor& w_OIKK,
                                    const ConvGeometry& geometry, WantedGradients wanted) {
  if (is_emulated(x_BCHW)) {
    ConvGradients found = convolution_gradients(as_float(gradient_BOHW), as_float(x_BCHW), as_float(w_OIKK), geometry, wanted);
    for (at::Tensor* gradient : {&found.x_BCHW, &found.w_OIKK, &found.bias_O}) {
      if (gradient->defined()) *gradient = as_bfloat(*gradient);
    }
    return found;
  }
  if (sees_every_sth(x_BCHW, w_OIKK, geometry)) {
    ConvGradients found = convolution_gradients(gradient_BOHW, channels_last(every_sth(x_BCHW, geometry)), w_OIKK, without_stride(geometry), wanted);
    if (!wanted.x) return found;
    const at::Tensor seen = std::exchange(found.x_BCHW, at::zeros_like(x_BCHW));
    every_sth(found.x_BCHW, geometry).copy_(seen);
    return found;
  }
  const std::int64_t outputs[] = {w_OIKK.size(0)};
  auto [to_x, to_w, to_bias] = at::convolution_backward(
      gradient_BOHW, x_BCHW, w_OIKK, wanted.bias ? at::OptionalIntArrayRef(outputs) : at::OptionalIntArrayRef(), geometry.stride, geometry.padding,
      geometry.dilation, false, {0, 0}, geometry.groups, {wanted.x, wanted.w, wanted.bias});
  return {std::move(to_x), std::move(to_w), std::move(to_bias)};
}

}  // namespace coppice
