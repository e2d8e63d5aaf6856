// One pass each over a matrix of N rows (pixels) by C channels in row-major memory, which is what an image in channels-last
// format is. float, or bfloat16 as its bits in a uint16_t; arithmetic in float, totals in double. No torch.
//
// Rows are taken several at a time as one long row, so that a loop over 16 channels is not 16 steps long; a lane always
// belongs to the same channel and lanes are added up in a fixed order: the same bits whatever the instruction set.
#pragma once

#include <cstdint>
#include <span>

namespace coppice {

struct RowsByChannels {
  std::int64_t rows_N;
  std::int64_t channels_C;
};

// mean_C and var_C (biased) of x_NC; one pass around the values of the first row, N >= 1.
void channel_moments(const float* x_NC, RowsByChannels shape, std::span<double> mean_C, std::span<double> var_C);
void channel_moments(const std::uint16_t* x_NC, RowsByChannels shape, std::span<double> mean_C, std::span<double> var_C);

// y = (x - center) * scale + shift
void channel_affine(const float* x_NC, RowsByChannels shape, std::span<const float> center_C,
                    std::span<const float> scale_C, std::span<const float> shift_C, float* y_NC);
void channel_affine(const std::uint16_t* x_NC, RowsByChannels shape, std::span<const float> center_C,
                    std::span<const float> scale_C, std::span<const float> shift_C, std::uint16_t* y_NC);

// sum_C = sum_n g, product_C = sum_n g (x - center)
void channel_gradient_sums(const float* g_NC, const float* x_NC, RowsByChannels shape, std::span<const float> center_C,
                           std::span<double> sum_C, std::span<double> product_C);
void channel_gradient_sums(const std::uint16_t* g_NC, const std::uint16_t* x_NC, RowsByChannels shape,
                           std::span<const float> center_C, std::span<double> sum_C, std::span<double> product_C);

// out = g * scale + (x - center) * slope + offset
void channel_gradient(const float* g_NC, const float* x_NC, RowsByChannels shape, std::span<const float> scale_C,
                      std::span<const float> center_C, std::span<const float> slope_C, std::span<const float> offset_C,
                      float* out_NC);
void channel_gradient(const std::uint16_t* g_NC, const std::uint16_t* x_NC, RowsByChannels shape,
                      std::span<const float> scale_C, std::span<const float> center_C, std::span<const float> slope_C,
                      std::span<const float> offset_C, std::uint16_t* out_NC);

}  // namespace coppice
