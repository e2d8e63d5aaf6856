// Examples that lie in tensors: inputs [N, C, H, W] or [N, F] in float32, as the network takes them, and classes [N] in int64.
#pragma once

#include <ATen/core/Tensor.h>

#include "data/custom_source.h"

namespace coppice {

// Every fifth example is kept for the test. Throws InputError where shapes or types are others, or values not finite.
class TensorSource final : public DataSource {
 public:
  TensorSource(const at::Tensor& inputs, const at::Tensor& classes);
  LoadedData load() const override { return data_; }

 private:
  LoadedData data_;
};

}  // namespace coppice
