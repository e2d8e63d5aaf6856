#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <string>

#include "core/config_text.h"
#include "core/error.h"
#include "algorithms/budget/budget.h"
#include "algorithms/budget/quotas.h"
#include "algorithms/masking/blocks.h"
#include "algorithms/masking/make_mask.h"

namespace coppice {
namespace {

// Scores >= 0 as integers of the same order.
std::uint32_t order_of(float score) { return std::bit_cast<std::uint32_t>(std::max(score, 0.0F) + 0.0F); }

// A matrix in the contest for the highest scores: its pieces' scores, and how many weights each piece stands for.
struct Contestant {
  std::vector<float> scores;
  std::int64_t weights = 1;
  std::int64_t least = 0;

  std::int64_t kept_from(std::uint64_t threshold) const {
    const auto pieces = std::count_if(scores.begin(), scores.end(), [&](float s) { return order_of(s) >= threshold; });
    return std::max<std::int64_t>(pieces * weights, least);
  }
};

// The highest scores of all, as many as fit into `total`, but at least `least` in each. What a threshold between equal
// scores cannot decide goes to the lower matrix.
std::vector<std::int64_t> highest_scores(const std::vector<Contestant>& all, std::int64_t total) {
  const auto sum_from = [&](std::uint64_t threshold) {
    std::int64_t sum = 0;
    for (const Contestant& one : all) sum += one.kept_from(threshold);
    return sum;
  };
  std::uint64_t low = 0, high = std::uint64_t{1} << 32;  // sum_from(low - 1) > total >= sum_from(high)
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    if (sum_from(middle) > total) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  std::vector<std::int64_t> quotas;
  std::int64_t missing = total;
  for (const Contestant& one : all) {
    quotas.push_back(one.kept_from(high));
    missing -= quotas.back();
  }
  for (std::size_t i = 0; i < all.size() && missing > 0 && high > 0; ++i) {
    const std::int64_t more = std::min(all[i].kept_from(high - 1) - quotas[i], missing);
    quotas[i] += more;
    missing -= more;
  }
  return quotas;
}

double erdos_renyi(const ArenaEntry& entry) {
  double sum = 0.0;
  for (const std::int64_t size : entry.shape) sum += static_cast<double>(size);
  return sum;  // the matrix's weights times (sum of dims) / (product of dims)
}

std::vector<double> masses(const std::vector<PatternMatrix>& matrices, const ArenaLayout& layout, const ElementScores& scores) {
  std::vector<double> sums;
  for (const PatternMatrix& matrix : matrices) {
    const std::span<const float> one = scores_of(scores, layout[matrix.tensor], matrix.tensor);
    sums.push_back(std::accumulate(one.begin(), one.end(), 0.0));
  }
  return sums;
}

// (1 - part) a / sum(a) + part b / sum(b); a alone where b is all zero. Never 0, since quotas are in proportion.
std::vector<double> mixed(const std::vector<double>& a, const std::vector<double>& b, double part) {
  const double sum_a = std::accumulate(a.begin(), a.end(), 0.0), sum_b = std::accumulate(b.begin(), b.end(), 0.0);
  if (!(sum_b > 0.0)) return a;
  std::vector<double> shares;
  for (std::size_t i = 0; i < a.size(); ++i) shares.push_back(std::max((1.0 - part) * a[i] / sum_a + part * b[i] / sum_b, 1e-12));
  return shares;
}

}  // namespace

std::map<ParamId, std::int64_t> element_quotas(const PrunableStructure& structure, const ArenaLayout& layout,
                                               const Pattern& pattern, bool edge, const BudgetConfig& config,
                                               const ElementScores* scores) {
  check_target(config.budget, false);
  const double density = config.budget.density;
  const std::vector<PatternMatrix> matrices = covered_matrices(structure, pattern, edge);
  if (matrices.empty()) throw InputError("budget: pattern " + to_string(pattern) + " covers no matrix of this model");
  std::vector<std::int64_t> least, most;
  std::vector<double> shares;
  std::int64_t all = 0, smallest = 0;
  for (const PatternMatrix& matrix : matrices) {
    const ArenaEntry& entry = layout[matrix.tensor];
    const double size = static_cast<double>(entry.numel);
    const double fraction = std::max(config.floor * density, 1.0 - config.cap);
    least.push_back(std::max<std::int64_t>(static_cast<std::int64_t>(std::ceil(fraction * size - 1e-9)), 1));
    most.push_back(entry.numel);
    const bool erk = config.allocation == Allocation::kErk || config.allocation == Allocation::kAdaptive;
    shares.push_back(erk ? erdos_renyi(entry) : size);
    all += entry.numel;
    smallest += least.back();
  }
  if (config.allocation == Allocation::kErk && config.mass > 0.0) {
    if (scores == nullptr) throw Error("budget: a mass needs scores");
    shares = mixed(shares, masses(matrices, layout, *scores), config.mass);
  }
  const std::int64_t total = std::llround(density * static_cast<double>(all));
  if (total < smallest) {
    throw InputError("budget: density " + plain_number(density) + " keeps " + std::to_string(total) + " of " +
                     std::to_string(all) + " weights; the smallest reachable is " + std::to_string(smallest) +
                     " with floor " + plain_number(config.floor) + " and cap " + plain_number(config.cap));
  }
  std::vector<std::int64_t> kept;
  if (config.allocation == Allocation::kGlobal) {
    if (scores == nullptr) throw Error("budget: global allocation needs scores");
    std::vector<Contestant> contestants;
    for (std::size_t m = 0; m < matrices.size(); ++m) {
      const ArenaEntry& entry = layout[matrices[m].tensor];
      const Blocks blocks(entry, pattern);
      contestants.push_back({blocks.scores(scores_of(*scores, entry, matrices[m].tensor)), blocks.weights(), least[m]});
    }
    kept = highest_scores(contestants, total);
  } else {
    kept = proportional_quotas(shares, least, most, total);
  }
  std::map<ParamId, std::int64_t> quotas;
  for (std::size_t m = 0; m < matrices.size(); ++m) quotas[matrices[m].tensor] = kept[m];
  return quotas;
}

}  // namespace coppice
