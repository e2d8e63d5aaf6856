#include "client/selective_updating.h"

#include <cstring>
#include <limits>
#include <span>

#include "core/error.h"

namespace coppice {

double last_reported_loss(const RoundPlan& plan, std::int64_t client, const ClientStore& store) {
  const auto version = plan.store_versions.find(client);
  if (version == plan.store_versions.end()) return std::numeric_limits<double>::infinity();
  const std::vector<Block> blocks = store.read(client, version->second);
  if (blocks.size() != 1 || blocks[0].dtype != DType::kF64 || blocks[0].num_values() != 1) {
    throw InputError("store of client " + std::to_string(client) + ": found " + std::to_string(blocks.size()) +
                     " blocks; expected the loss of its last report");
  }
  double loss = 0.0;
  std::memcpy(&loss, blocks[0].values.data(), sizeof(loss));
  return loss;
}

Block reported_loss(double loss) {
  const auto bytes = std::as_bytes(std::span(&loss, 1));
  return {.name = "loss", .dtype = DType::kF64, .shape = {1}, .values = {bytes.begin(), bytes.end()}};
}

}  // namespace coppice
