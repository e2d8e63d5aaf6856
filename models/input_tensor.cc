#include "models/input_tensor.h"

#include <ATen/ops/cat.h>

namespace coppice {

at::Tensor InputTensor::operator()(const BagOfWords& words) const {
  const at::Tensor& x_BV = words.counts_BV;
  return words.noise_BK.defined() ? at::cat({x_BV, words.noise_BK.to(x_BV.scalar_type())}, 1) : x_BV;
}

}  // namespace coppice
