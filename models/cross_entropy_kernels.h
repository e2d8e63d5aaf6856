// One row of logits for the cross-entropy: float, or bfloat16 as its bits in a uint16_t. No torch.
#pragma once

#include <cstdint>

namespace coppice {

// log(sum_i exp(x_i)) in two parts, whose rounded sum would cost the small chances their last bits. A NaN or +infinity among the logits
// makes `log_sum` NaN. Relative error of the sum below 1e-6.
struct LogSumExp {
  float largest;  // of the logits
  float log_sum;  // log(sum_i exp(x_i - largest))
};
LogSumExp log_sum_exp(const float* x, std::int64_t count);
LogSumExp log_sum_exp(const std::uint16_t* x, std::int64_t count);

// out_i = scale (exp(x_i - log_sum_exp(x)) - [i = target]): the gradient of the row's loss with respect to its logits.
void cross_entropy_gradient(const float* x, std::int64_t count, LogSumExp normaliser, std::int64_t target, float scale, float* out);
void cross_entropy_gradient(const std::uint16_t* x, std::int64_t count, LogSumExp normaliser, std::int64_t target, float scale,
                            std::uint16_t* out);

}  // namespace coppice
