#include "algorithms/training/frozen_replica.h"

namespace coppice {

FrozenReplica::FrozenReplica(std::shared_ptr<const ModelState> values, Precision precision)
    : values_(std::move(values)), precision_(precision), model_(make_model(values_->config)) {
  if (precision_ == Precision::kF32) return;
  low_ = Arena("frozen", model_->base_layout(), DType::kBF16);
  low_.copy_from(values_->base);
}

at::Tensor FrozenReplica::forward(const Batch& batch, Tap& tap) const {
  const Arena& weights = precision_ == Precision::kF32 ? values_->base : low_;
  return model_->forward(in_precision(batch, precision_), {weights.views(), values_->moments.views()}, tap, Mode::kEval);
}

}  // namespace coppice
