// The coordinator's half of training with shadow weights (algorithms/training/sparse_config.h): what clients are given, and how the
// mask follows what they made of it.
//
// A track's values are M * W at all times, so that evaluation, export and the next stage need not know of shadows; W itself is
// the track's slot "shadow" while the stage lasts. Means of masked weights would not keep the pattern: W is averaged, then masked.
#pragma once

#include "algorithms/masking/pattern.h"
#include "algorithms/methods/method.h"
#include "algorithms/training/sparse_config.h"

namespace coppice {

// The track with W for its values. Before the first round these are its own kept weights and, where its mask drops, those of the dense
// model that it was cut from.
std::shared_ptr<const ModelState> shadow_values(const State& state, const Track& track);

// Takes over the averaged W of round `round` of `rounds`. Where a refresh is due the mask becomes that of the largest |W| under the
// pattern, as many in every matrix as before. Records sparse/flip_rate, the fraction of the masked matrices' weights whose side the
// mask changed, and sparse/shadow_norm, |(1-M) W|.
void absorb_shadows(const SparseConfig& config, const ElementPattern& pattern, std::int64_t round, std::int64_t rounds, ModelState next,
                    Track& track, StepRecord& record);

// After the last round: W is of no use any more. Throws Error where the mask breaks the pattern.
void forget_shadows(const ElementPattern& pattern, Track& track);

}  // namespace coppice
