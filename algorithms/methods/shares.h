// A draw by shares: what a client is dealt where some of many kinds have some and others more.
#pragma once

#include <cstddef>
#include <vector>

#include "core/seed.h"

namespace coppice {

// Position i with probability shares[i] / sum of shares; at least one share, all >= 0.
std::size_t drawn_by_shares(const std::vector<double>& shares, Seed seed, std::uint32_t salt);

}  // namespace coppice
