// What a round of training reports, as the aggregation rule of the federation reads it: the sums over the cohort, or over the reports that
// Krum selects.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "algorithms/exchange/answer.h"
#include "algorithms/methods/federation_config.h"
#include "models/arena.h"
#include "models/mask.h"

namespace coppice {

class TrainSums {
 public:
  // `answer` must outlive it. `base`: the layout of what was trained.
  TrainSums(const Answer& answer, const AggregationConfig& aggregation, const ArenaLayout& base);

  std::vector<double> sum(const std::string& block) const;
  // Blocks "<prefix><tensor>" / weight, on the mask's support where there is one.
  Arena mean(const std::string& prefix, double weight, const Arena& like, const Mask* mask) const;
  // The same, each value by a weight of its own: that of those who sent it, 0 where nobody did.
  using WeightsOf = std::function<std::vector<double>(int tensor)>;
  Arena mean_of_senders(const std::string& prefix, const WeightsOf& weights, const Arena& like) const;
  // Running statistics by the law of total variance.
  Arena pooled_moments(double weight, const Arena& moments) const;

  // A block's sum, one stretch after the other.
  void for_each_chunk(const std::string& block, const Answer::TakeChunk& take) const;

 private:
  const Answer& answer_;
  std::vector<std::size_t> selected_;  // reports, where not all count
  bool chosen_ = false;
};

}  // namespace coppice
