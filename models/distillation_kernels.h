// One row of student and teacher logits for distillation: float, or bfloat16 as its bits in a uint16_t. No torch.
#pragma once

#include <cstdint>

#include "models/cross_entropy_kernels.h"

namespace coppice {

// What a row's loss and its gradient are made of. "Cooled" logits are x / T.
struct DistilledRow {
  LogSumExp student;            // of x
  float cooled_log_sum;         // log(sum_i exp((x_i - largest) / T))
  float teacher_largest;        // of the teacher's logits y
  float teacher_cooled_log_sum;
  float divergence;             // KL(teacher || student) of the cooled softmaxes
};
// `cooling` = 1 / T. A NaN or +infinity among the logits makes the sums NaN. Two passes over both rows.
DistilledRow distilled_row(const float* x, const float* y, std::int64_t count, float cooling);
DistilledRow distilled_row(const std::uint16_t* x, const std::uint16_t* y, std::int64_t count, float cooling);

// out_i = hard (softmax(x)_i - [i = target]) + soft (softmax(x / T)_i - softmax(y / T)_i)
void distilled_gradient(const float* x, const float* y, std::int64_t count, const DistilledRow& row, std::int64_t target, float hard,
                        float soft, float cooling, float* out);
void distilled_gradient(const std::uint16_t* x, const std::uint16_t* y, std::int64_t count, const DistilledRow& row, std::int64_t target,
                        float hard, float soft, float cooling, std::uint16_t* out);

}  // namespace coppice
