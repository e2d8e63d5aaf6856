// Running statistics of batch norms, pooled over clients by the law of total variance:
//   mean = sum_k p_k mean_k,   var = sum_k p_k (var_k + mean_k^2) - mean^2
// Averaging the variances alone, as several published codes do, loses the spread between clients' means.
#pragma once

#include <span>

namespace coppice {

// Writes one norm's pooled moments. `mean_sum` = sum of weight * mean, `square_sum` = sum of weight * (var + mean^2).
void pool_moments(std::span<const double> mean_sum, std::span<const double> square_sum, double weight,
                  std::span<float> mean, std::span<float> var);

// The same with `var_sum` = sum of weight * var: the plain average, for comparison with what was published.
void mean_moments(std::span<const double> mean_sum, std::span<const double> var_sum, double weight, std::span<float> mean,
                  std::span<float> var);

}  // namespace coppice
