// A stage that a program adds to a run: an interface of core/extensions.h. `stages: [{my_stage: {rounds: 5}}]` makes one.
#pragma once

#include <memory>
#include <string>

#include "algorithms/methods/federation_config.h"
#include "algorithms/methods/method.h"
#include "core/config.h"
#include "models/losses.h"

namespace coppice {

// What a run gives every stage; a method keeps copies of what it needs.
struct StageSetting {
  std::string name;                  // of the stage in the config: what Method::name() is to say
  const FederationConfig& federation;
  const Population& population;
  LossKind loss = LossKind::kCrossEntropy;
};

class Stage {
 public:
  using Interface = Stage;
  virtual ~Stage() = default;
  virtual void visit(FieldVisitor&) {}

  // The state machine (method.h), which outlives this object. At the coordinator alone: before a run, again when it is resumed, and by
  // `coppice check`.
  virtual std::unique_ptr<Method> make(const StageSetting& setting) const = 0;

  // Rounds that begin with a Train task, for what `coppice check` foresees of cost and memory; 0: says nothing.
  virtual std::int64_t rounds() const { return 0; }
  // Whether it leaves an element mask on the main track and the uncut model on the dense one, as a prune stage does.
  virtual bool leaves_mask() const { return false; }
};

}  // namespace coppice
