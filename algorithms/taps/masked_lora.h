// Low-rank adapters on masked weights: while the tap is installed, the weight W of each adapted product or convolution
// is
//
//   W' = M * (W + s B A),   B [O, R], A [R, I]   (convolutions: I = input channels x K x K)
//
// with W frozen and M its mask, so that the merged weight has the mask's pattern (Hu et al., ICLR 2022, section 4.1,
// has no M; s B A alone would fill what was pruned). Where a product's W has no mask, x W^T + s (x A^T) B^T is computed instead.
// Cost of a masked weight: one O x I product a forward pass, whatever the batch; of another: R (I + O) multiply-adds a row.
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

// "<tensor>.lora_A" [R, I] and "<tensor>.lora_B" [O, R] for each tensor, R = min(rank, O, I). Throws InputError on a tensor that is
// no matrix and no convolution.
std::shared_ptr<const ArenaLayout> lora_layout(const ArenaLayout& base, std::span<const ParamId> tensors, std::int64_t rank);

// A ~ N(0, 1/I) from the seed, B = 0: the model starts as it was.
Arena initial_lora(std::shared_ptr<const ArenaLayout> layout, Seed seed);

class MaskedLora final : public Tap {
 public:
  // Adapts these weights by `adapters`, of their lora_layout, which it reads in place and which must outlive it. `mask` may be null.
  MaskedLora(const ArenaLayout& base, std::span<const ParamId> tensors, const Arena& adapters, double scale,
             const Mask* mask);

  at::Tensor linear(ParamId weight, const at::Tensor& x_I, const at::Tensor& w_OI, const at::Tensor& bias_O) override;
  at::Tensor conv(ParamId weight, const at::Tensor& x_BCHW, const at::Tensor& w_OIKK, const at::Tensor& bias_O,
                  ConvGeometry geometry) override;

  // Leaves over the arena's entries, in their order, that collect gradients.
  std::span<const at::Tensor> leaves() const { return leaves_; }
  // The same by weight; throw std::out_of_range for a weight without adapter.
  const at::Tensor& a(ParamId weight) const { return leaves_[adapters_.at(weight).a]; }
  const at::Tensor& b(ParamId weight) const { return leaves_[adapters_.at(weight).a + 1]; }

  // `base` with every adapted weight replaced by W'. Throws InputError, naming the tensor, where a weight that
  // `pattern` (null: none) drops would not be 0, as happens to adapters without a mask.
  Arena merge(const Arena& base, const Mask* pattern) const;

 private:
  struct Adapter {
    std::size_t a = 0;  // of the leaves; B follows
    at::Tensor kept;    // bool, of the weight's shape; undefined: all kept
  };

  // W', or `w` itself where the weight has no adapter.
  at::Tensor adapted(ParamId weight, const at::Tensor& w) const;

  double scale_;
  std::vector<at::Tensor> leaves_;
  std::map<ParamId, Adapter> adapters_;
};

}  // namespace coppice
