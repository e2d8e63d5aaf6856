// A client's local steps.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "algorithms/training/replica.h"

namespace coppice {

// Yields the next batch, or false at the end. The same Batch object is filled again and again.
using BatchSource = std::function<bool(Batch&)>;

struct LocalOptions {
  StepOptions step;
  std::int64_t max_steps = 0;  // 0 = all batches
  std::function<void(std::int64_t step, StepOptions&)> prepare = {};  // what changes from step to step, from 0; empty: nothing does
  std::function<Guide(const Batch&)> guide = {};  // what a teacher says about a batch; empty: the targets alone teach
};

// What takes the steps: a replica's own weights, or adapters.
struct Trainee {
  std::function<PassResult(const Batch&, const Guide*)> backward;
  std::function<bool(const StepOptions&)> step;  // whether all weights are finite afterwards
  bool has_norms = false;                        // batch norms in train mode
};

struct LocalResult {
  PassResult sums;           // over all steps, of the loss before each step
  std::int64_t steps = 0;
  std::vector<double> losses; // mean of each step's batch, before the step
  bool finite = true;        // false: stopped at a loss, or ended with weights, not finite: of no use
};

// How far the mean loss of the second half of the steps is below that of the first; 0 of a single step.
double loss_drop(const LocalResult& result);

// Batches of one sample are skipped where the trainee has batch norms.
LocalResult train_locally(const Trainee& trainee, const BatchSource& next, const LocalOptions& options);

// Trains a replica with batch norms in train mode. Batches of one sample are skipped where the model has batch norms (a variance of one
// value does not exist).
LocalResult train_locally(Replica& replica, LossKind loss, Optimizer& optimizer, const BatchSource& next, Tap& tap,
                          const LocalOptions& options);

}  // namespace coppice
