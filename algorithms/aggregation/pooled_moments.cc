#include "algorithms/aggregation/pooled_moments.h"

#include <algorithm>

namespace coppice {

void pool_moments(std::span<const double> mean_sum, std::span<const double> square_sum, double weight,
                  std::span<float> mean, std::span<float> var) {
  for (std::size_t c = 0; c < mean.size(); ++c) {
    const double pooled = mean_sum[c] / weight;
    mean[c] = static_cast<float>(pooled);
    // Rounding of the subtraction may dip below zero where a channel is constant.
    var[c] = static_cast<float>(std::max(0.0, square_sum[c] / weight - pooled * pooled));
  }
}

void mean_moments(std::span<const double> mean_sum, std::span<const double> var_sum, double weight, std::span<float> mean,
                  std::span<float> var) {
  for (std::size_t c = 0; c < mean.size(); ++c) {
    mean[c] = static_cast<float>(mean_sum[c] / weight);
    var[c] = static_cast<float>(std::max(0.0, var_sum[c] / weight));
  }
}

}  // namespace coppice
