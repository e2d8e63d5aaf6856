// How a weight and the norm of the inputs it meets make up its value: |W_ij|' ||x_j||^power, with |W_ij|' the weight's magnitude, or
// where `relative` is set what it is of its column and of its row, |W_ij| / sum_i |W_ij| + |W_ij| / sum_j |W_ij|. Under `fluctuation`
// the standard deviation of the inputs stands for their norm, a unit is scored by the columns that take in what it puts out, and its
// score is relative to its family (flap.h).
#pragma once

namespace coppice {

struct ActivationRule {
  bool relative = false;
  double power = 1.0;
  bool fluctuation = false;
};

}  // namespace coppice
