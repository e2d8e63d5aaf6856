// The coordinator's half of training adapters (algorithms/training/adapter_config.h): where they are kept between rounds, and how they
// become part of the model.
//
// A track's values stay as they are while the stage lasts; the adapters and what a server rule remembers of them are its slots
// "adapter/...".
#pragma once

#include "algorithms/aggregation/server_config.h"
#include "algorithms/methods/state.h"
#include "algorithms/training/adapter_config.h"
#include "core/seed.h"

namespace coppice {

// The track's adapters; before the first round new ones, drawn from the seed.
std::shared_ptr<const Arena> adapters_of(const LoraConfig& config, const Track& track, Seed seed);

// The server's step on the adapters: `before` and the cohort's mean change of them.
void absorb_adapters(const ServerConfig& server, const Arena& before, Arena mean_delta, Track& track);

// The track's values with its adapters merged in under its mask; the values themselves where there are none.
std::shared_ptr<const ModelState> merged_values(const LoraConfig& config, const Track& track);

// Makes the merged values the track's, and forgets the adapters.
void merge_adapters(const LoraConfig& config, Track& track);

}  // namespace coppice
