// Mask adjustment during fine-tuning: prune the smallest weights, grow where the gradient is largest.
//
// RigL (Evci et al., ICML 2020, section 3) with fused scores as in FedTiny (Huang et al., ICDCS 2023, section IV-B): in
// each matrix of n kept weights
//   a = floor(alpha / 2 (1 + cos(pi t / t_end)) n)
//   prune the a smallest |w| among the kept, grow the a largest growth scores among those dropped before
// A weight just pruned cannot grow back in the same step, nor can one without a positive growth score, so a is cut to
// what can grow; kept counts never change. A grown weight starts at exactly 0, which dropped weights are.
// Deviation: FedTiny's 0.15 (1 + cos) is alpha = 0.3. Ties: the lower index is kept, and grown, first.
// Cost: O(n) selection in each matrix.
#pragma once

#include <cstdint>
#include <map>
#include <span>

#include "models/arena.h"
#include "models/mask.h"
#include "models/prunable_structure.h"
#include "algorithms/importance/importance.h"

namespace coppice {

// Weights to exchange at step t; 0 from t_end on.
std::int64_t adjustment_count(double alpha, std::int64_t t, std::int64_t t_end, std::int64_t kept);

// Exchanges counts[tensor] weights in each named tensor; tensors not named, or wholly kept, stay as they are. `growth`:
// fused |gradient| of dropped weights (values at kept ones are ignored). Throws InputError where a score is missing or
// has another size.
Mask grow_and_prune(const Mask& mask, const PrunableStructure& structure, const Arena& base,
                    const ElementScores& growth, const std::map<ParamId, std::int64_t>& counts);

}  // namespace coppice
