#include "data/holdout.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"

namespace coppice {
namespace {

std::vector<std::int64_t> by_fraction(const Partition& partition, double fraction) {
  if (!(fraction >= 0.0 && fraction < 1.0)) {
    throw InputError("holdout: fraction: found " + std::to_string(fraction) + ", expected at least 0 and below 1");
  }
  std::vector<std::int64_t> sizes;
  for (std::int64_t c = 0; c < partition.num_clients(); ++c) {
    const auto n = static_cast<std::int64_t>(partition.samples_of(c).size());
    sizes.push_back(std::min(n - 1, static_cast<std::int64_t>(fraction * static_cast<double>(n))));
  }
  return sizes;
}

std::vector<std::int64_t> by_count(const Partition& partition, std::int64_t count) {
  const std::int64_t total = partition.num_samples();
  if (count > total - partition.num_clients()) {
    throw InputError("holdout: count: found " + std::to_string(count) + ", expected at most " +
                     std::to_string(total - partition.num_clients()) + ", which leaves each of " +
                     std::to_string(partition.num_clients()) + " clients one example to train on");
  }
  std::vector<std::int64_t> sizes;
  std::vector<std::pair<std::int64_t, std::int64_t>>
      remainders;  // negated, client: ascending order is the order of service
  std::int64_t left = count;
  for (std::int64_t c = 0; c < partition.num_clients(); ++c) {
    const auto n = static_cast<std::int64_t>(partition.samples_of(c).size());
    __extension__ const auto product = static_cast<__int128>(count) * n;
    sizes.push_back(std::min(n - 1, static_cast<std::int64_t>(product / total)));
    remainders.emplace_back(-static_cast<std::int64_t>(product % total), c);
    left -= sizes.back();
  }
  std::sort(remainders.begin(), remainders.end());
  // Clients of one example give none, so that more than one pass may be needed.
  while (left > 0) {
    for (const auto& [negated, c] : remainders) {
      const auto client = static_cast<std::size_t>(c);
      if (left == 0 || sizes[client] + 1 >= static_cast<std::int64_t>(partition.samples_of(c).size())) continue;
      ++sizes[client];
      --left;
    }
  }
  return sizes;
}

}  // namespace

Holdout hold_out(const Partition& partition, const HoldoutConfig& config) {
  const std::vector<std::int64_t> select_sizes =
      config.count > 0 ? by_count(partition, config.count) : by_fraction(partition, config.fraction);
  std::vector<std::int64_t> train_offsets{0}, select_offsets{0}, train, select;
  for (std::int64_t c = 0; c < partition.num_clients(); ++c) {
    const auto samples = partition.samples_of(c);
    const auto cut = samples.end() - select_sizes[static_cast<std::size_t>(c)];
    train.insert(train.end(), samples.begin(), cut);
    select.insert(select.end(), cut, samples.end());
    train_offsets.push_back(static_cast<std::int64_t>(train.size()));
    select_offsets.push_back(static_cast<std::int64_t>(select.size()));
  }
  return {Partition(std::move(train_offsets), std::move(train)),
          Partition(std::move(select_offsets), std::move(select))};
}

}  // namespace coppice
