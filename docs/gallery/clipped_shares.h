// Clients' scores as shares of one, none larger than `most` mean shares: a client whose few huge scores would decide alone is held back, and
// yet only sums travel. Without a limit that is felt it is the built-in normalised_mean.
#pragma once

#include <algorithm>
#include <numeric>

#include "algorithms/fusion/client_fusion.h"

struct ClippedShares final : coppice::ClientFusion {
  double most = 3.0;

  void visit(coppice::FieldVisitor& v) override {
    v.field("most", most, "largest score of a family, in means of it", coppice::above(1.0));
  }

  // At the client: its scores in one family of units, or in one matrix; >= 0.
  void transform(std::span<double> family) const override {
    const double sum = std::accumulate(family.begin(), family.end(), 0.0);
    const double limit = most * sum / static_cast<double>(family.size());
    for (double& score : family) score = std::min(score, limit);
    const double clipped = std::accumulate(family.begin(), family.end(), 0.0);
    for (double& score : family) score = clipped > 0.0 ? score / clipped : 0.0;
  }
};
