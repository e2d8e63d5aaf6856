#include "simulations/pass_memory.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "algorithms/training/block_pass.h"
#include "core/live_bytes.h"
#include "models/counted_tensors.h"
#include "models/measures.h"

namespace coppice {
namespace {

// The most that tensors take beyond what there was at the beginning, stretch by stretch.
class Peaks {
 public:
  Peaks() {
    count_tensors();
    take_live_peak();
    begin_ = live_bytes();
  }
  std::uint64_t next() const { return static_cast<std::uint64_t>(std::max<std::int64_t>(take_live_peak() - begin_, 0)); }

 private:
  std::int64_t begin_ = 0;
};

}  // namespace

PassMemory memory_of_pass(const std::function<std::vector<std::uint64_t>(std::int64_t)>& stretches) {
  const std::vector<std::uint64_t> one = stretches(1), two = stretches(2);
  PassMemory memory;
  for (std::size_t i = 0; i < one.size(); ++i) {
    const double more = static_cast<double>(two[i]) - static_cast<double>(one[i]);
    memory.per_sample_.push_back(more);
    memory.fixed_.push_back(static_cast<double>(one[i]) - more);
  }
  return memory;
}

std::uint64_t PassMemory::at(std::int64_t samples) const {
  double most = 0.0;
  for (std::size_t i = 0; i < fixed_.size(); ++i) most = std::max(most, fixed_[i] + static_cast<double>(samples) * per_sample_[i]);
  return static_cast<std::uint64_t>(most);
}

PassMemory training_memory(const Model& model, const Weights& weights, LossKind loss, const BatchOf& batch_of, bool recompute,
                           bool released) {
  return memory_of_pass([&](std::int64_t samples) {
    Batch batch;
    batch_of(samples, batch);
    const Peaks peaks;
    std::vector<std::uint64_t> stretches;
    Tap tap;
    BlockPass pass(model, weights, tap, Mode::kEval, recompute);
    at::Tensor logits = pass.forward(batch);
    const at::Tensor sum = loss_sum(loss, logits, batch.targets);
    logits.reset();
    stretches.push_back(peaks.next());
    pass.backward(sum, [&](int block) {
      stretches.push_back(peaks.next());
      for (std::size_t i = 0; i < weights.params.size() && released; ++i) {
        if (model.first_block_of(static_cast<ParamId>(i)) >= block) weights.params[i].mutable_grad().reset();
      }
    });
    for (const at::Tensor& leaf : weights.params) leaf.mutable_grad().reset();
    return stretches;
  });
}

PassMemory measuring_memory(const Model& model, const Weights& weights, LossKind loss, const BatchOf& batch_of) {
  return memory_of_pass([&](std::int64_t samples) {
    Batch batch;
    batch_of(samples, batch);
    const Peaks peaks;
    const at::NoGradGuard no_grad;
    Tap tap;
    const at::Tensor logits = model.forward(batch, weights, tap, Mode::kEval);
    loss_sum(loss, logits, batch.targets);
    return std::vector<std::uint64_t>{peaks.next()};
  });
}

}  // namespace coppice
