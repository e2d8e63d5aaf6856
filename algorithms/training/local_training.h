// A client's local steps.
#pragma once

#include <cstdint>
#include <functional>

#include "algorithms/training/replica.h"

namespace coppice {

// Yields the next batch, or false at the end. The same Batch object is filled again and again.
using BatchSource = std::function<bool(Batch&)>;

struct LocalOptions {
  StepOptions step;
  std::int64_t max_steps = 0;  // 0 = all batches
  std::function<double(std::int64_t step)> decay = {};  // of step.shadows in each step, from 0; empty: as it stands there
};

struct LocalResult {
  PassResult sums;           // over all steps, of the loss before each step
  std::int64_t steps = 0;
  bool finite = true;        // false: stopped at a loss, or ended with weights, not finite: of no use
};

// Trains with batch norms in train mode. Batches of one sample are skipped where the model has batch norms (a variance of one
// value does not exist).
LocalResult train_locally(Replica& replica, LossKind loss, Optimizer& optimizer, const BatchSource& next, Tap& tap,
                          const LocalOptions& options);

}  // namespace coppice
