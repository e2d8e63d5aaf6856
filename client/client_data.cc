#include "client/client_data.h"

namespace coppice {
namespace {

const Partition& partition_of(const ClientData& data, Split split) {
  switch (split) {
    case Split::kTrain: return data.train_samples;
    case Split::kSelect: return data.select_samples;
    case Split::kTest: return data.test_samples;
  }
  return data.train_samples;
}

std::vector<std::int64_t> sizes_of(const Partition& partition) {
  std::vector<std::int64_t> sizes;
  sizes.reserve(static_cast<std::size_t>(partition.num_clients()));
  for (std::int64_t client = 0; client < partition.num_clients(); ++client) {
    sizes.push_back(static_cast<std::int64_t>(partition.samples_of(client).size()));
  }
  return sizes;
}

}  // namespace

std::span<const std::int64_t> ClientData::samples(Split split, std::int64_t client) const {
  return partition_of(*this, split).samples_of(client);
}

Population ClientData::population() const {
  return {sizes_of(train_samples), sizes_of(select_samples), sizes_of(test_samples)};
}

}  // namespace coppice
