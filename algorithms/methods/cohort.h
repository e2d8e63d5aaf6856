// Who takes part in a round.
#pragma once

#include <cstdint>
#include <vector>

#include "algorithms/methods/devices.h"
#include "core/seed.h"

namespace coppice {

// The clients a run knows, by split: how many and how many samples each has.
struct Population {
  std::vector<std::int64_t> train_samples;   // one entry a client
  std::vector<std::int64_t> select_samples;  // held out at the same clients
  std::vector<std::int64_t> test_samples;    // test clients: blocks of the test set, or test writers
  std::vector<Device> devices = {};          // one a client; none: they are not looked at
};

// `count` clients drawn uniformly without replacement from those with at least one sample, ascending. The draw depends on
// the seed's run and round alone, so twins of a run meet the same cohorts. Throws InputError where fewer are eligible.
std::vector<std::int64_t> draw_cohort(const std::vector<std::int64_t>& samples, std::int64_t count, Seed seed);

// The same; 0 = all of those.
std::vector<std::int64_t> draw_cohort_or_all(const std::vector<std::int64_t>& samples, std::int64_t count, Seed seed);

// All clients with at least one sample.
std::vector<std::int64_t> everyone(const std::vector<std::int64_t>& samples);

}  // namespace coppice
