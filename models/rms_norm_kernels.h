// Root-mean-square normalisation of one row after the other: float, or bfloat16 as its bits in a uint16_t; arithmetic in float. No torch.
#pragma once

#include <cstdint>

namespace coppice {

// y_i = gamma_i x_i r with r = (mean(x^2) + eps)^(-1/2) of the row; `roots` receives the r of each row.
void rms_norm_forward(const float* x, const float* gamma, std::int64_t rows, std::int64_t width, double eps, float* y, float* roots);
void rms_norm_forward(const std::uint16_t* x, const std::uint16_t* gamma, std::int64_t rows, std::int64_t width, double eps,
                      std::uint16_t* y, float* roots);

// Rows of a backward call at most: terms of a float sum, before such sums are added up in double.
inline constexpr std::int64_t kRmsNormRows = 64;

// g_i: gradient of the loss with respect to y_i. x_gradient_i = r gamma_i g_i - x_i r^3 mean(gamma g x); gamma_gradient_i = sum over
// rows of g_i x_i r.
void rms_norm_backward(const float* g, const float* x, const float* gamma, const float* roots, std::int64_t rows, std::int64_t width,
                       float* x_gradient, float* gamma_gradient);
void rms_norm_backward(const std::uint16_t* g, const std::uint16_t* x, const std::uint16_t* gamma, const float* roots,
                       std::int64_t rows, std::int64_t width, std::uint16_t* x_gradient, float* gamma_gradient);

}  // namespace coppice
