// The server's step: from the cohort's mean change to the next weights.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "algorithms/aggregation/server_config.h"
#include "models/arena.h"
#include "models/mask.h"

namespace coppice {

// Named vectors a rule keeps between rounds ("momentum", "second"); part of the run's state, hence of its checkpoints.
using Slots = std::map<std::string, std::shared_ptr<const Arena>>;

// The next base arena, in the memory of `mean_delta`, which is of no use afterwards. `mask` (may be null) restricts weights and
// slots to what is kept: dropped weights stay exactly 0 and dropped entries of slots where they started, so a weight that is grown
// later starts without history. The second moment of FedAdam and FedYogi starts at tau^2, as in the paper.
Arena server_step(const ServerConfig& config, const Arena& base, Arena mean_delta, const Mask* mask, Slots& slots);

// Takes back to where they started what the slots remember of weights that the mask drops.
void restrict_slots(const ServerConfig& config, const Mask& mask, Slots& slots);

}  // namespace coppice
