// Low-rank adapters on masked weights: while the tap is installed, the weight W of each adapted product or convolution
// is
//
//   W' = M * (W + s B A),   B [O, R], A [R, I]   (convolutions: I = input channels x K x K)
//
// with W frozen and M its mask, so that the merged weight has the mask's pattern (Hu et al., ICLR 2022, section 4.1,
// has no M; s B A alone would fill what was pruned). A ~ N(0, 1/I) from the seed, B = 0: the model starts as it was.
// Cost: one O x I product an adapter and forward pass, whatever the batch.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include <ATen/core/Tensor.h>

#include "core/seed.h"
#include "models/arena.h"
#include "models/mask.h"
#include "models/tap.h"

namespace coppice {

class MaskedLora final : public Tap {
 public:
  // Adapts these weights; `mask` may be null. Throws InputError on a tensor that is no matrix and no convolution, and
  // on a rank outside 1 to min(O, I).
  MaskedLora(const ArenaLayout& base, std::span<const ParamId> tensors, std::int64_t rank, double scale,
             const Mask* mask, Seed seed);

  at::Tensor linear(ParamId weight, const at::Tensor& x_I, const at::Tensor& w_OI, const at::Tensor& bias_O) override;
  at::Tensor conv(ParamId weight, const at::Tensor& x_BCHW, const at::Tensor& w_OIKK, const at::Tensor& bias_O,
                  ConvGeometry geometry) override;

  // Leaves that require gradients, float32; throw std::out_of_range for a weight without adapter.
  const at::Tensor& a(ParamId weight) const { return adapters_.at(weight).a_RI; }
  const at::Tensor& b(ParamId weight) const { return adapters_.at(weight).b_OR; }

  // `base` with every adapted weight replaced by W'. Throws InputError, naming the tensor, where a weight that
  // `pattern` (null: none) drops would not be 0, as happens to adapters without a mask.
  Arena merge(const Arena& base, const Mask* pattern) const;

 private:
  struct Adapter {
    at::Tensor a_RI;
    at::Tensor b_OR;
    at::Tensor kept;  // bool, of the weight's shape; undefined: all kept
  };

  // W', or `w` itself where the weight has no adapter.
  at::Tensor adapted(ParamId weight, const at::Tensor& w) const;

  double scale_;
  std::map<ParamId, Adapter> adapters_;
};

}  // namespace coppice
