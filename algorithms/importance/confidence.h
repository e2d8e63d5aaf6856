// How sure a client is of its unit scores, as sums that add up over clients.
//
// With x the family-normalised scores (mean 1 in each family): squared deviations of the micro-batches' x from their
// mean at the client, with their degrees of freedom; and the client's own x and x^2, with a count of clients.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "algorithms/importance/scores.h"

namespace coppice {

class Confidence {
 public:
  explicit Confidence(std::vector<std::int64_t> family_sizes);

  // Scores of one micro-batch, on any scale, one a unit.
  void add_micro_batch(std::span<const double> coarse, std::span<const double> fine);

  // Appends the values of the blocks below; `coarse` and `fine` are the client's scores over all its micro-batches.
  void append(std::span<const double> coarse, std::span<const double> fine,
              std::vector<std::vector<double>>& values) const;

  static void append_blocks(std::int64_t units, std::vector<ScoreBlock>& blocks);
  static constexpr std::size_t kNumBlocks = 8;
  // Reads the sums of those blocks into the variances of `scores`.
  static void decode(std::span<const std::vector<double>> sums, UnitScores& scores);

 private:
  struct Spread {  // Welford's running mean and sum of squared deviations
    std::vector<double> mean;
    std::vector<double> squares;
    void add(std::span<const double> x, double count);
  };

  std::vector<std::int64_t> family_sizes_;
  Spread coarse_;
  Spread fine_;
  double count_ = 0.0;
};

}  // namespace coppice
