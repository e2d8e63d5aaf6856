// Rows of attention scores: bfloat16 as its bits in a uint16_t, arithmetic in float. No torch.
#pragma once

#include <cstdint>

#include "models/cross_entropy_kernels.h"

namespace coppice {

// x_i becomes exp(x_i - log_sum_exp(x)) over the first `visible` of `width` scores, 0 for the others. `room`: `visible` floats to work in.
LogSumExp softmax(std::uint16_t* x, std::int64_t visible, std::int64_t width, float* room);
// The same again, from what it returned then.
void softmax_again(std::uint16_t* x, std::int64_t visible, std::int64_t width, LogSumExp normaliser);

// slopes_i = weights_i (slopes_i - mean): the gradient of the scores from that of their softmax, with mean = sum_i weights_i slopes_i.
void softmax_slopes(const std::uint16_t* weights, std::int64_t width, float mean, std::uint16_t* slopes);

// sum_i x_i y_i
float inner_product(const std::uint16_t* x, const std::uint16_t* y, std::int64_t width);

}  // namespace coppice
