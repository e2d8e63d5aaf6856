// A client's next lottery ticket (algorithms/methods/lotteryfl.h).
//
// Of every matrix's n kept weights the floor(rate n) smallest go, equal ones at higher places first, and never more than leave
//   max(1, round(density N))
// of its N: the last cut is smaller, so that the density is met, not passed. Cost: O(N) selection in each matrix.
#pragma once

#include "core/config.h"
#include "models/arena.h"
#include "models/mask.h"

namespace coppice {

struct LotteryTask {
  double start_accuracy = 0.5;  // on its own training samples, above which a client prunes
  double rate = 0.2;            // fraction of a matrix's kept weights that goes
  double density = 0.1;         // at which it ends
  std::int64_t batch = 256;     // samples of the pass that asks for the accuracy
  void visit(FieldVisitor& v);
};

// `mask` and `weights` of the same layout. The same mask where nothing is left to prune.
Mask next_ticket(const LotteryTask& task, const PrunableStructure& structure, const Mask& mask, const Arena& weights);

}  // namespace coppice
