#include "algorithms/exchange/submodel.h"

namespace coppice {

RoundPlan personal_plan(const RoundPlan& plan, std::shared_ptr<const Mask> mask) {
  RoundPlan part = plan;
  ModelState values = plan.values->clone();
  mask->apply_to(values.base);
  part.values = std::make_shared<const ModelState>(std::move(values));
  part.mask = std::move(mask);
  part.part = true;
  return part;
}

RoundPlan submodel_plan(const RoundPlan& plan, std::int64_t variant) {
  const Variant own = plan.variants.at(static_cast<std::size_t>(variant));
  RoundPlan part = personal_plan(plan, own.mask);
  part.variants = {};
  part.variants.push_back(own);
  part.assignment.clear();
  return part;
}

std::string held_block(const Variant& variant) { return "train/held/" + variant.name; }

std::string held_block(const ArenaEntry& tensor) { return "train/held/" + tensor.name; }

std::string drop_block(const Variant& variant) { return "train/drop/" + variant.name; }

std::vector<Bits> held_moments(const Model& model, const Mask& mask) {
  const ArenaLayout& moments = *model.moments_layout();
  std::vector<Bits> held;
  for (const ArenaEntry& entry : moments.entries()) held.emplace_back(entry.numel, true);
  const PrunableStructure structure = model.structure();
  for (std::size_t g = 0; g < structure.groups.size(); ++g) {
    if (mask.groups()[g] != 0) continue;
    for (const Slice& slice : structure.groups[g].slices) {
      if (slice.arena == ArenaId::kMoments) held[static_cast<std::size_t>(slice.tensor)].clear(slice.begin, slice.end);
    }
  }
  return held;
}

}  // namespace coppice
