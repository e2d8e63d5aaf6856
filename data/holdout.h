// What each client keeps apart to choose by (a score's weight, a stopping round): its own examples, never test data, so
// that the data for choices stays where the data for training is.
#pragma once

#include <cstdint>

#include "core/config.h"
#include "data/partition.h"

namespace coppice {

struct HoldoutConfig {
  double fraction = 0.05;
  std::int64_t count = 0;

  void visit(FieldVisitor& v) {
    v.field("fraction", fraction, "share of each client's examples that is kept apart to choose by", within(0.0, 0.9));
    v.field("count", count, "examples kept apart over all clients, in proportion to their sizes; 0 = by `fraction`",
            at_least(0));
  }
};

// Of the same clients; `select` may be empty for some of them.
struct Holdout {
  Partition train, select;
};

// Cuts each client's shuffled list: its last examples are for selection, the others, at least one, for training.
//   fraction: floor(fraction * n) of each client's n
//   count:    exactly `count` over all clients, by the largest remainders of count * n / N (of equals the lowest client)
// Throws InputError where `count` leaves a client nothing to train on.
Holdout hold_out(const Partition& partition, const HoldoutConfig& config);

}  // namespace coppice
