// A model whose weights stay as they are: the teacher of a student, or what adapters stand on.
#pragma once

#include <memory>

#include "algorithms/training/precision.h"
#include "models/batch.h"
#include "models/model_state.h"

namespace coppice {

class FrozenReplica {
 public:
  // Reads `values` in place; in bfloat16 it has a copy of half their size.
  FrozenReplica(std::shared_ptr<const ModelState> values, Precision precision);

  const Model& model() const { return *model_; }
  // Logits; running statistics stay as they are, weights get no gradients.
  at::Tensor forward(const Batch& batch, Tap& tap) const;

 private:
  std::shared_ptr<const ModelState> values_;
  Precision precision_;
  std::unique_ptr<Model> model_;
  Arena low_;  // bfloat16 only
};

}  // namespace coppice
