#include "simulations/pass_memory.h"

#include <ATen/core/grad_mode.h>
#include <c10/core/Allocator.h>
#include <c10/core/impl/alloc_cpu.h>
#include <malloc.h>

#include <algorithm>
#include <atomic>

#include "algorithms/training/block_pass.h"
#include "models/measures.h"

namespace coppice {
namespace {

// Counts what tensors take while it is installed. What it handed out may outlive it.
class CountingAllocator final : public c10::Allocator {
 public:
  CountingAllocator() : behind_(*c10::GetAllocator(c10::DeviceType::CPU)) { c10::SetAllocator(c10::DeviceType::CPU, this, kFirst); }
  ~CountingAllocator() override { c10::SetAllocator(c10::DeviceType::CPU, &behind_, kFirst); }
  CountingAllocator(const CountingAllocator&) = delete;
  CountingAllocator& operator=(const CountingAllocator&) = delete;

  c10::DataPtr allocate(std::size_t bytes) override {
    void* data = behind_.raw_allocate(bytes);
    largest_ = std::max(largest_.load(), live_ += static_cast<std::int64_t>(::malloc_usable_size(data)));
    return {data, data, &give_back, c10::Device(c10::DeviceType::CPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &give_back; }
  void copy_data(void* to, const void* from, std::size_t bytes) const override { default_copy_data(to, from, bytes); }

  void begin() { begin_ = live_.load(); largest_ = live_.load(); }
  // The most since the last call, beyond what there was at the beginning.
  std::uint64_t peak() {
    const std::int64_t peak = largest_.exchange(live_.load()) - begin_;
    return static_cast<std::uint64_t>(std::max<std::int64_t>(peak, 0));
  }

 private:
  static constexpr std::uint8_t kFirst = 255;
  static inline std::atomic<std::int64_t> live_ = 0;
  static inline std::atomic<std::int64_t> largest_ = 0;

  static void give_back(void* data) {
    live_ -= static_cast<std::int64_t>(::malloc_usable_size(data));
    c10::free_cpu(data);  // as the allocator behind does
  }

  c10::Allocator& behind_;
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
    CountingAllocator counting;
    counting.begin();
    std::vector<std::uint64_t> stretches;
    Tap tap;
    BlockPass pass(model, weights, tap, Mode::kEval, recompute);
    at::Tensor logits = pass.forward(batch);
    const at::Tensor sum = loss_sum(loss, logits, batch.targets);
    logits.reset();
    stretches.push_back(counting.peak());
    pass.backward(sum, [&](int block) {
      stretches.push_back(counting.peak());
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
    CountingAllocator counting;
    counting.begin();
    const at::NoGradGuard no_grad;
    Tap tap;
    const at::Tensor logits = model.forward(batch, weights, tap, Mode::kEval);
    loss_sum(loss, logits, batch.targets);
    return std::vector<std::uint64_t>{counting.peak()};
  });
}

}  // namespace coppice
