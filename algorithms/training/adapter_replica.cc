#include "algorithms/training/adapter_replica.h"

namespace coppice {

AdapterReplica::AdapterReplica(const FrozenReplica& base, const LoraConfig& config, const Arena& received, const Mask* mask)
    : base_(base),
      adapters_(received.clone()),
      lora_(*base.model().base_layout(), adapted_weights(config, base.model()), adapters_, config.scale(), mask) {}

PassResult AdapterReplica::backward(const Batch& batch, LossKind loss, const Guide* guide) {
  gradients_.clear();
  return backward_pass(base_.forward(batch, lora_), batch.targets, loss, true, guide, lora_.leaves(), gradients_);
}

bool AdapterReplica::step(Optimizer& optimizer, const StepOptions& options) {
  return optimizer.step(adapters_, gradients_, adapters_, options);
}

}  // namespace coppice
