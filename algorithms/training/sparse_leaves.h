// Weights of which a pass sees the kept values alone: a matrix under a mask is one vector of its kept values, and is dense only while an
// operation works with it, forward or backward; its gradient is gathered on the support as soon as it is there, and dropped.
//
//   W = scatter(kept)      d loss / d kept = gather(d loss / d W)
//
// The operations are those of a masked dense model on the same numbers, hence the same bits. At any time at most one matrix and its
// gradient are dense. Cost: three passes over each matrix a step more.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <span>
#include <vector>

#include "models/arena.h"
#include "models/mask.h"
#include "models/tap.h"

namespace coppice {

// The same entries with as many values as the mask keeps of each; those it does not touch keep their shapes.
std::shared_ptr<const ArenaLayout> kept_layout(const ArenaLayout& dense, const Mask& mask);

// The kept values of a float32 arena, in kept_layout's order.
Arena gather_kept(const Arena& dense, const Mask& mask, std::shared_ptr<const ArenaLayout> layout);

// The tap that a pass over such weights goes through. Matrices under the mask must be read by its products and convolutions alone, as all
// that PrunableStructure::matrices declares are.
class SparseLeaves final : public Tap {
 public:
  // `mask` must outlive it.
  SparseLeaves(std::shared_ptr<const ArenaLayout> dense, const Mask& mask);

  // From now on passes read `values`, of kept_layout, float32 or bfloat16, in place.
  void use(const Arena& values);

  std::span<const at::Tensor> params() const { return params_; }  // for the model: shapes without memory where the mask drops weights
  std::span<const at::Tensor> leaves() const { return leaves_; }  // gradients come to these, of kept_layout's sizes

  at::Tensor linear(ParamId weight, const at::Tensor& x_I, const at::Tensor& w_OI, const at::Tensor& bias_O) override;
  at::Tensor conv(ParamId weight, const at::Tensor& x_BCHW, const at::Tensor& w_OIKK, const at::Tensor& bias_O,
                  ConvGeometry geometry) override;

 private:
  template <class Operation>
  at::Tensor with_dense(ParamId weight, const Operation& operation);

  std::shared_ptr<const ArenaLayout> dense_;
  const Mask& mask_;
  std::vector<at::Tensor> params_;
  std::vector<at::Tensor> leaves_;
};

}  // namespace coppice
