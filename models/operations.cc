#include "models/operations.h"

#include <ATen/ops/as_strided.h>
#include <ATen/ops/relu.h>

namespace coppice {

at::Tensor rectified(const at::Tensor& x) { return at::relu(x); }

at::Tensor channels_last(const at::Tensor& x_BCHW) {
  if (x_BCHW.suggest_memory_format() == at::MemoryFormat::ChannelsLast) return x_BCHW;
  const at::Tensor packed = x_BCHW.contiguous(at::MemoryFormat::ChannelsLast);
  if (packed.suggest_memory_format() == at::MemoryFormat::ChannelsLast) return packed;
  const std::int64_t channels = packed.size(1), height = packed.size(2), width = packed.size(3);
  return packed.as_strided(packed.sizes(), {channels * height * width, 1, channels * width, channels});
}

}  // namespace coppice
