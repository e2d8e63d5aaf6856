#include "client/client_data.h"

namespace coppice {
namespace {

std::vector<std::int64_t> sizes_of(const ClientData& data, Split split, std::int64_t clients) {
  std::vector<std::int64_t> sizes;
  sizes.reserve(static_cast<std::size_t>(clients));
  for (std::int64_t client = 0; client < clients; ++client) {
    sizes.push_back(static_cast<std::int64_t>(data.samples(split, client).size()));
  }
  return sizes;
}

}  // namespace

std::span<const std::int64_t> ClientData::samples(Split split, std::int64_t client) const {
  switch (split) {
    case Split::kTrain: return clients.train.samples_of(client);
    case Split::kSelect: return clients.select.samples_of(client);
    case Split::kTest: return test_clients.samples_of(client);
  }
  return {};
}

Population ClientData::population() const {
  return {sizes_of(*this, Split::kTrain, clients.train.num_clients()), sizes_of(*this, Split::kSelect, clients.train.num_clients()),
          sizes_of(*this, Split::kTest, test_clients.num_clients())};
}

}  // namespace coppice
