#include "algorithms/aggregation/krum.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "core/error.h"

namespace coppice {
namespace {

double squared_distance(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

}  // namespace

std::vector<std::size_t> krum_select(const std::vector<std::vector<double>>& reports, std::int64_t byzantine,
                                     std::int64_t select) {
  const auto n = static_cast<std::int64_t>(reports.size());
  if (byzantine < 0 || n < 2 * byzantine + 3) {
    throw InputError("aggregation.byzantine: found " + std::to_string(byzantine) + " with " + std::to_string(n) +
                     " reports; expected at least 2f + 3 = " + std::to_string(2 * byzantine + 3) + " reports");
  }
  if (select < 1 || select > n - byzantine) {
    throw InputError("aggregation.select: found " + std::to_string(select) + "; expected 1 to n - f = " +
                     std::to_string(n - byzantine));
  }
  std::vector<std::vector<double>> distances(reports.size(), std::vector<double>(reports.size(), 0.0));
  for (std::size_t i = 0; i < reports.size(); ++i) {
    for (std::size_t j = i + 1; j < reports.size(); ++j) {
      distances[i][j] = distances[j][i] = squared_distance(reports[i], reports[j]);
    }
  }
  std::vector<double> scores(reports.size());
  for (std::size_t i = 0; i < reports.size(); ++i) {
    std::vector<double> others = distances[i];
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
    std::sort(others.begin(), others.end());
    scores[i] = std::accumulate(others.begin(), others.begin() + (n - byzantine - 2), 0.0);
  }
  std::vector<std::size_t> order(reports.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return scores[a] < scores[b]; });
  order.resize(static_cast<std::size_t>(select));
  std::sort(order.begin(), order.end());
  return order;
}

}  // namespace coppice
