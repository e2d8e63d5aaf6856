// Whole numbers that share out a total in given proportions, within bounds.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace coppice {

// n_i = clamp(lambda * shares[i], least[i], most[i]) with lambda such that they sum to `total`, rounded by largest
// remainder (equal remainders: the lower index first). What a clamp cuts off goes to the others in proportion. The sum
// is `total` exactly. Throws Error unless sum(least) <= total <= sum(most), and where a share is not positive.
std::vector<std::int64_t> proportional_quotas(std::span<const double> shares, std::span<const std::int64_t> least,
                                              std::span<const std::int64_t> most, std::int64_t total);

}  // namespace coppice
