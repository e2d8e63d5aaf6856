#include "algorithms/training/local_training.h"

#include <cmath>
#include <numeric>
#include <optional>

namespace coppice {

LocalResult train_locally(const Trainee& trainee, const BatchSource& next, const LocalOptions& options) {
  StepOptions step = options.step;
  LocalResult result;
  Batch batch;
  while ((options.max_steps == 0 || result.steps < options.max_steps) && next(batch)) {
    if (trainee.has_norms && batch.size() < 2) continue;
    const std::optional<Guide> guide = options.guide ? std::optional(options.guide(batch)) : std::nullopt;
    const PassResult pass = trainee.backward(batch, guide ? &*guide : nullptr);
    if (!std::isfinite(pass.loss_sum)) {
      result.finite = false;
      return result;
    }
    if (options.prepare) options.prepare(result.steps, step);
    result.finite = trainee.step(step);
    if (!result.finite) return result;
    result.sums.loss_sum += pass.loss_sum;
    result.sums.hits += pass.hits;
    result.sums.samples += pass.samples;
    result.losses.push_back(pass.loss_sum / static_cast<double>(pass.samples));
    result.steps += 1;
  }
  return result;
}

double loss_drop(const LocalResult& result) {
  const auto half = static_cast<std::ptrdiff_t>(result.losses.size() / 2);
  if (half == 0) return 0.0;
  const double first = std::accumulate(result.losses.begin(), result.losses.begin() + half, 0.0);
  const double last = std::accumulate(result.losses.end() - half, result.losses.end(), 0.0);
  return (first - last) / static_cast<double>(half);
}

LocalResult train_locally(Replica& replica, LossKind loss, Optimizer& optimizer, const BatchSource& next, Tap& tap,
                          const LocalOptions& options) {
  optimizer.reset();
  const Trainee trainee{
      .backward = [&](const Batch& batch, const Guide* guide) { return replica.backward(batch, loss, tap, Mode::kTrain, true, guide); },
      .step = [&](const StepOptions& step) { return replica.step(optimizer, step); },
      .has_norms = replica.moments().layout().size() > 0};
  LocalResult result = train_locally(trainee, next, options);
  replica.forget_gradients();
  return result;
}

}  // namespace coppice
