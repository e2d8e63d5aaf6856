#include "algorithms/methods/cohort.h"

#include <algorithm>
#include <string>

#include "core/error.h"

namespace coppice {

std::vector<std::int64_t> everyone(const std::vector<std::int64_t>& samples) {
  std::vector<std::int64_t> eligible;
  for (std::size_t client = 0; client < samples.size(); ++client) {
    if (samples[client] > 0) eligible.push_back(static_cast<std::int64_t>(client));
  }
  return eligible;
}

std::vector<std::int64_t> draw_cohort(const std::vector<std::int64_t>& samples, std::int64_t count, Seed seed) {
  const std::vector<std::int64_t> eligible = everyone(samples);
  const auto available = static_cast<std::int64_t>(eligible.size());
  if (count > available) {
    throw InputError("federation.cohort: found " + std::to_string(count) + "; expected at most " +
                     std::to_string(available) + ", the number of clients that hold samples");
  }
  Stream stream(seed, Purpose::kCohort);
  std::vector<std::int64_t> cohort;
  for (const std::int64_t i : stream.sample_without_replacement(available, count)) {
    cohort.push_back(eligible[static_cast<std::size_t>(i)]);
  }
  std::sort(cohort.begin(), cohort.end());
  return cohort;
}

std::vector<std::int64_t> draw_cohort_or_all(const std::vector<std::int64_t>& samples, std::int64_t count, Seed seed) {
  return count == 0 ? everyone(samples) : draw_cohort(samples, count, seed);
}

}  // namespace coppice
