#include "algorithms/training/local_training.h"

#include <cmath>

namespace coppice {

LocalResult train_locally(Replica& replica, LossKind loss, Optimizer& optimizer, const BatchSource& next, Tap& tap,
                          const LocalOptions& options) {
  const bool has_norms = replica.moments().layout().size() > 0;
  StepOptions step = options.step;
  LocalResult result;
  Batch batch;
  optimizer.reset();
  while ((options.max_steps == 0 || result.steps < options.max_steps) && next(batch)) {
    if (has_norms && batch.size() < 2) continue;
    const PassResult pass = replica.backward(batch, loss, tap, Mode::kTrain, true);
    if (!std::isfinite(pass.loss_sum)) {
      result.finite = false;
      return result;
    }
    if (options.decay && step.shadows) step.shadows->decay = options.decay(result.steps);
    result.finite = replica.step(optimizer, step);
    if (!result.finite) return result;
    result.sums.loss_sum += pass.loss_sum;
    result.sums.hits += pass.hits;
    result.sums.samples += pass.samples;
    result.steps += 1;
  }
  replica.forget_gradients();
  return result;
}

}  // namespace coppice
