// How a mask changes while the weights under it are trained: `finetune.dynamics`. One method, one file.
//
// A method says what a round's plan asks of clients besides training, and which mask their answers make. It keeps nothing: what it
// remembers are the track's slots "dynamics/...", which checkpoints carry. A weight that is grown starts at 0, and what the server's
// optimizer remembers of one that is dropped is forgotten (adopt_mask in dynamics.h).
#pragma once

#include <cstdint>
#include <optional>

#include "algorithms/exchange/answer.h"
#include "algorithms/exchange/plan.h"
#include "algorithms/methods/state.h"

namespace coppice {

inline constexpr const char* kDynamicsSlots = "dynamics/";

class MaskDynamics {
 public:
  virtual ~MaskDynamics() = default;

  // How the training of a stage's round (from 0) differs from the federation's own.
  virtual void shape(const Track& /*track*/, std::int64_t /*round*/, TrainTask& /*task*/) const {}

  // What the plan of a round asks of its cohort besides training; nothing in most rounds.
  virtual std::optional<GrowthTask> task(const Track& track, std::int64_t round) const = 0;

  // After a round with such a task: the next mask, which may be the track's own. `track` holds the round's average already.
  virtual Mask next_mask(Track& track, const RoundPlan& plan, const Answer& answer) const = 0;
};

// When a mask is adjusted: every `every` rounds before round `until`.
struct AdjustmentTimes {
  std::int64_t every = 10;
  std::int64_t until = 100;

  bool due(std::int64_t round) const { return round > 0 && round % every == 0 && round < until; }
  void visit(FieldVisitor& v);
};

// And how much of it, in each matrix of n kept weights:
//   a = floor(alpha / 2 (1 + cos(pi round / until)) n)
// weights, but no more than are dropped (RigL: Evci et al., ICML 2020, section 3).
struct AdjustmentSchedule : AdjustmentTimes {
  double alpha = 0.3;

  std::int64_t count(const Mask& mask, ParamId tensor, std::int64_t round) const;
  std::vector<std::int64_t> counts(const Mask& mask, const std::vector<std::int64_t>& tensors, std::int64_t round) const;
  void visit(FieldVisitor& v);
};

// The tensors that the mask drops weights of, in the order of the layout.
std::vector<std::int64_t> masked_tensors(const Mask& mask);

// The growth task of a plan; throws Error where it has none.
const GrowthTask& growth_of(const RoundPlan& plan);

}  // namespace coppice
