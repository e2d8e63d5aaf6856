// The closed set of mask dynamics, and what all of them have in common.
#pragma once

#include <memory>
#include <variant>

#include "algorithms/aggregation/server_config.h"
#include "algorithms/dynamics/feddst.h"
#include "algorithms/dynamics/fedmef.h"
#include "algorithms/dynamics/fedrts.h"
#include "algorithms/dynamics/fedtiny.h"
#include "algorithms/dynamics/flash.h"
#include "algorithms/dynamics/prunefl.h"

namespace coppice {

// The mask stays.
struct NoDynamics {
  static constexpr const char* kName = "none";
  void visit(FieldVisitor&) {}
};

using DynamicsConfig = std::variant<NoDynamics, FedTinyConfig, PruneFlConfig, FedDstConfig, FedRtsConfig, FlashConfig, FedMefConfig>;

bool changes_mask(const DynamicsConfig& config);

// Null where the mask stays.
std::unique_ptr<MaskDynamics> make_dynamics(const DynamicsConfig& config);

struct MaskChange {
  std::int64_t grown = 0;
  std::int64_t dropped = 0;
};

// Makes `next` the track's mask: dropped weights become 0, grown ones start there, and the server's memory of dropped ones goes.
MaskChange adopt_mask(const ServerConfig& server, Mask next, Track& track);

// After the last round: what a dynamics remembered.
void forget_dynamics(Track& track);

}  // namespace coppice
