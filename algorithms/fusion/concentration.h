// Fusion of granularities where single weights are chosen: scores that lean towards whole units.
//
//   s'_w = s_w * prod_{units g of w} (u_g / mean u)^power,   u_g = sum of s over the weights of unit g, mean over its family
//
// A weight belongs to the unit that it helps to make and to the one that it reads; with power 0 each stands for itself. At densities of a
// few per cent weights of largest score lie scattered: most paths through them end in a channel that nothing reads. Ours; no paper.
// Cost: O(weights).
#pragma once

#include "algorithms/importance/importance.h"
#include "models/arena.h"
#include "models/prunable_structure.h"

namespace coppice {

// `scores`: >= 0, of some tensors of `layout`; units are summed over these. Families without any score are left alone.
ElementScores concentrated(const PrunableStructure& structure, const ArenaLayout& layout, ElementScores scores, double power);

}  // namespace coppice
