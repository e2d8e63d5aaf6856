#include "algorithms/training/sparse_replica.h"

#include <utility>

#include "algorithms/training/block_pass.h"

namespace coppice {

SparseReplica::SparseReplica(std::shared_ptr<const Model> model, const ModelState& state, const Mask& mask, Precision precision,
                             bool recompute)
    : model_(std::move(model)),
      precision_(precision),
      recompute_(recompute),
      received_(gather_kept(state.base, mask, kept_layout(state.base.layout(), mask))),
      base_("base", received_.shared_layout()),
      moments_(state.moments.clone()),
      leaves_(model_->base_layout(), mask) {
  if (precision_ == Precision::kBF16) {
    forward_ = Arena("forward", received_.shared_layout(), DType::kBF16);
    forward_.copy_from(received_);
  }
  leaves_.use(precision_ == Precision::kBF16 ? forward_ : received_);
}

PassResult SparseReplica::backward(const Batch& batch, LossKind loss, const Guide* guide) {
  gradients_.assign(leaves_.leaves().size(), at::Tensor());
  const Weights in_use{leaves_.params(), moments_.views()};
  BlockPass pass(*model_, in_use, leaves_, Mode::kTrain, recompute_);
  const Goal goal = goal_of(pass.forward(in_precision(batch, precision_)), batch.targets, loss, true, guide);
  pass.backward(goal.value, [&](int block) {
    take_whole_gradients(*model_, leaves_.leaves(), block, [this](ParamId tensor, const at::Tensor& gradient) {
      gradients_[static_cast<std::size_t>(tensor)] = gradient;
    });
  });
  return goal.result;
}

bool SparseReplica::step(Optimizer& optimizer, StepOptions options) {
  const bool first = !std::exchange(own_, true);
  if (precision_ == Precision::kBF16) options.forward = &forward_;
  const bool finite = optimizer.step(first ? received_ : base_, gradients_, base_, options);
  gradients_.assign(gradients_.size(), at::Tensor());
  if (first && precision_ == Precision::kF32) leaves_.use(base_);
  return finite;
}

}  // namespace coppice
