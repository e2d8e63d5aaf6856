// A plan whose clients each train a part of the model: one client's own view of it, and what the parts keep.
//
// A variant's part is a mask of whole units on the plan's model, so that masked training is training of the sliced model
// (models/transform.h); what a client receives, holds, computes and sends is counted as that of the sliced one. A personal mask is of single
// weights.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "algorithms/exchange/plan.h"
#include "models/bits.h"
#include "models/model.h"

namespace coppice {

// The plan with the mask of a variant, which stays its only one, and its values under it.
RoundPlan submodel_plan(const RoundPlan& plan, std::int64_t variant);

// Name of the block that sums the weights of the clients which trained a variant, or which keep the entries of a tensor under their
// personal masks; and of the block that sums how far their loss fell.
std::string held_block(const Variant& variant);
std::string held_block(const ArenaEntry& tensor);
std::string drop_block(const Variant& variant);

// The plan as a client sees it that has a mask of its own.
RoundPlan personal_plan(const RoundPlan& plan, std::shared_ptr<const Mask> mask);

// Which channels of each entry of the moments layout belong to units that the mask keeps.
std::vector<Bits> held_moments(const Model& model, const Mask& mask);

}  // namespace coppice
