// Plans as messages: a small YAML body for the settings, blocks for tensors.
//
// Weights travel on the support of the plan's mask, or all where it has shadows; a frozen model once. A mask travels once,
// as bitmaps or as the flips from the last one sent, whichever is smaller; afterwards its digest is enough.
#pragma once

#include <cstdint>
#include <memory>

#include "algorithms/exchange/plan.h"
#include "algorithms/exchange/plan_cache.h"
#include "core/block.h"

namespace coppice {

// `known` is what the receiver knows, and afterwards also what this plan teaches it.
Envelope encode_plan(const RoundPlan& plan, PlanCache& known);

// Throws InputError on an envelope that no encode_plan with the same cache could have written, and where it names a choice that is not
// among `extensions`.
RoundPlan decode_plan(const Envelope& envelope, PlanCache& known, const Extensions& extensions = {});

// Bytes of the plan's frame for a client that knows one mask (null: none), and the plan's frozen models or not.
std::uint64_t plan_bytes(const RoundPlan& plan, const std::shared_ptr<const Mask>& held, bool knows_frozen = false);

}  // namespace coppice
