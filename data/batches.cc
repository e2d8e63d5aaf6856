#include "data/batches.h"

#include <algorithm>
#include <string>

#include "core/error.h"

namespace coppice {

BatchOrder::BatchOrder(std::span<const std::int64_t> samples, std::int64_t size, std::int64_t epochs, Seed seed,
                       BatchRule rule)
    : samples_(samples), size_(size), epochs_(epochs), seed_(seed), shuffle_(rule.shuffle) {
  if (size < 1 || epochs < 0) {
    throw Error("batches of " + std::to_string(size) + " over " + std::to_string(epochs) + " epochs");
  }
  const auto count = static_cast<std::int64_t>(samples.size());
  const std::int64_t full = size >= rule.min_size ? count / size : 0;
  const std::int64_t left = count % size;
  const bool keep_last =
      left >= std::max<std::int64_t>(rule.min_size, 1) &&
      (rule.last == BatchRule::Last::kKeep || (rule.last == BatchRule::Last::kDropUnlessOnly && count < size));
  batches_per_epoch_ = full + (keep_last ? 1 : 0);
  samples_per_epoch_ = full * size + (keep_last ? left : 0);
}

void BatchOrder::begin_epoch() {
  order_.assign(samples_.begin(), samples_.end());
  const auto epoch = static_cast<std::uint32_t>(served_ / batches_per_epoch_);
  if (shuffle_) Stream(seed_, Purpose::kShuffle, epoch).shuffle(order_);
}

std::span<const std::int64_t> BatchOrder::next() {
  if (served_ == num_batches()) return {};
  const std::int64_t batch = served_ % batches_per_epoch_;
  if (batch == 0) begin_epoch();
  ++served_;
  const std::int64_t begin = batch * size_;
  const std::int64_t end = std::min(begin + size_, samples_per_epoch_);
  return std::span(order_).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
}

}  // namespace coppice
