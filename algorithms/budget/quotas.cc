#include "algorithms/budget/quotas.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "core/error.h"

namespace coppice {
namespace {

double clamped(double share, double lambda, std::int64_t least, std::int64_t most) {
  return std::clamp(lambda * share, static_cast<double>(least), static_cast<double>(most));
}

}  // namespace

std::vector<std::int64_t> proportional_quotas(std::span<const double> shares, std::span<const std::int64_t> least,
                                              std::span<const std::int64_t> most, std::int64_t total) {
  const std::int64_t smallest = std::accumulate(least.begin(), least.end(), std::int64_t{0});
  const std::int64_t largest = std::accumulate(most.begin(), most.end(), std::int64_t{0});
  if (total < smallest || total > largest) {
    throw Error("quotas: " + std::to_string(total) + " is not within [" + std::to_string(smallest) + ", " +
                std::to_string(largest) + "]");
  }
  double high = 0.0;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    if (!(shares[i] > 0.0)) throw Error("quotas: a share is not positive");
    high = std::max(high, static_cast<double>(most[i]) / shares[i]);
  }
  const auto sum_at = [&](double lambda) {
    double sum = 0.0;
    for (std::size_t i = 0; i < shares.size(); ++i) sum += clamped(shares[i], lambda, least[i], most[i]);
    return sum;
  };
  double low = 0.0;
  for (int halving = 0; halving < 200; ++halving) {
    const double middle = 0.5 * (low + high);
    (sum_at(middle) < static_cast<double>(total) ? low : high) = middle;
  }
  std::vector<std::int64_t> quotas(shares.size());
  std::vector<double> remainders(shares.size());
  std::int64_t missing = total;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    // The tolerance keeps a share that is whole from being cut to the number below it.
    const double exact = clamped(shares[i], high, least[i], most[i]);
    quotas[i] =
        std::clamp(static_cast<std::int64_t>(std::floor(exact + 1e-9 * std::max(exact, 1.0))), least[i], most[i]);
    remainders[i] = exact - static_cast<double>(quotas[i]);
    missing -= quotas[i];
  }
  std::vector<std::size_t> order(shares.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return remainders[a] > remainders[b]; });
  for (std::size_t i = 0; missing > 0; i = (i + 1) % order.size()) {
    if (quotas[order[i]] == most[order[i]]) continue;
    ++quotas[order[i]];
    --missing;
  }
  for (std::size_t i = order.size() - 1; missing < 0; i = (i + order.size() - 1) % order.size()) {
    if (quotas[order[i]] == least[order[i]]) continue;
    --quotas[order[i]];
    ++missing;
  }
  return quotas;
}

}  // namespace coppice
