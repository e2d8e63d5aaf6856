#include "algorithms/methods/shares.h"

#include <numeric>

namespace coppice {

std::size_t drawn_by_shares(const std::vector<double>& shares, Seed seed, std::uint32_t salt) {
  double left = std::accumulate(shares.begin(), shares.end(), 0.0) * Stream(seed, Purpose::kCohort, salt).uniform();
  std::size_t chosen = 0;
  while (chosen + 1 < shares.size() && left >= shares[chosen]) left -= shares[chosen++];
  return chosen;
}

}  // namespace coppice
