#include "algorithms/dynamics/dynamics.h"

#include <bit>

#include "algorithms/aggregation/server_step.h"

namespace coppice {
namespace {

std::unique_ptr<MaskDynamics> make_dynamics(const NoDynamics& /*config*/) { return nullptr; }

}  // namespace

bool changes_mask(const DynamicsConfig& config) { return !std::holds_alternative<NoDynamics>(config); }

std::unique_ptr<MaskDynamics> make_dynamics(const DynamicsConfig& config) {
  return std::visit([](const auto& c) { return make_dynamics(c); }, config);
}

MaskChange adopt_mask(const ServerConfig& server, Mask next, Track& track) {
  MaskChange change;
  for (int tensor = 0; tensor < track.values->base.layout().size(); ++tensor) {
    if (track.mask->keeps_all(tensor) && next.keeps_all(tensor)) continue;
    const Bits all(track.values->base.layout()[tensor].numel, true);
    const Bits& before = track.mask->keeps_all(tensor) ? all : track.mask->bits(tensor);
    const Bits& after = next.keeps_all(tensor) ? all : next.bits(tensor);
    for (std::size_t w = 0; w < all.words().size(); ++w) {
      change.grown += std::popcount(after.words()[w] & ~before.words()[w]);
      change.dropped += std::popcount(before.words()[w] & ~after.words()[w]);
    }
  }
  if (change.grown + change.dropped == 0) return change;
  ModelState values = track.values->clone();
  next.apply_to(values.base);
  track.values = std::make_shared<const ModelState>(std::move(values));
  restrict_slots(server, next, track.server);
  track.mask = std::make_shared<const Mask>(std::move(next));
  return change;
}

void forget_dynamics(Track& track) {
  std::erase_if(track.server, [](const auto& slot) { return slot.first.starts_with(kDynamicsSlots); });
}

}  // namespace coppice
