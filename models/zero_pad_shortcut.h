// The parameter-free shortcut of CIFAR ResNets (He et al. 2016, section 4.2, option A): every second pixel, and zeros for the
// channels that the stage adds. Once channels have been removed the map from channels to channels is arbitrary.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace coppice {

class ZeroPadShortcut {
 public:
  // `sources[c]` is the input channel that output channel c continues, or -1. Empty: all inputs in order, with the zero
  // channels split evenly before and after. Throws InputError (`what` names the field) where the map does not fit, where an
  // input goes on as no output or as two, and where the outputs are not more than the inputs.
  ZeroPadShortcut(const std::string& what, std::int64_t inputs, std::int64_t outputs, std::vector<std::int64_t> sources);

  // [B, inputs, H, W] -> [B, outputs, ceil(H / 2), ceil(W / 2)]
  at::Tensor operator()(const at::Tensor& x_BCHW) const;

  std::int64_t source(std::int64_t output) const { return sources_[static_cast<std::size_t>(output)]; }
  // The output channel that `input` goes on as. Every input has one: what ended here would be removed with its last reader.
  std::int64_t continuation(std::int64_t input) const;

  // The map that is left once only some inputs and outputs are kept; empty where it is the even padding again.
  std::vector<std::int64_t> sliced(const std::vector<bool>& inputs_kept, const std::vector<bool>& outputs_kept) const;

 private:
  std::int64_t inputs_;
  std::vector<std::int64_t> sources_;  // one an output
  std::int64_t leading_zeros_;         // of the even padding; -1 where the map is another
  at::Tensor index_C_;                 // sources with -1 as `inputs`, which is a channel of zeros
};

}  // namespace coppice
