// Adapters of a client on a frozen model: what it trains where a plan brings adapters.
#pragma once

#include <vector>

#include "algorithms/taps/masked_lora.h"
#include "algorithms/training/adapter_config.h"
#include "algorithms/training/backward_pass.h"
#include "algorithms/training/frozen_replica.h"
#include "algorithms/training/optimizer.h"

namespace coppice {

class AdapterReplica {
 public:
  // `base` and `mask` (null: none) must outlive it; `received` is copied.
  AdapterReplica(const FrozenReplica& base, const LoraConfig& config, const Arena& received, const Mask* mask);

  const Arena& adapters() const { return adapters_; }
  PassResult backward(const Batch& batch, LossKind loss, const Guide* guide);  // of the loss's mean
  bool step(Optimizer& optimizer, const StepOptions& options);                // whether all adapters are finite afterwards

 private:
  const FrozenReplica& base_;
  Arena adapters_;
  MaskedLora lora_;
  std::vector<at::Tensor> gradients_;
};

}  // namespace coppice
