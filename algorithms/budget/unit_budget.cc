#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>
#include <numeric>
#include <string>

#include "core/config_text.h"
#include "core/error.h"
#include "core/portable_math.h"
#include "algorithms/budget/budget.h"

namespace coppice {
namespace {

std::int64_t measure(const Model& model, const BudgetTarget& target, std::span<const std::int64_t> widths) {
  const Cost cost = model.cost(widths);
  return target.flops > 0.0 ? cost.macs : cost.params;
}

// Fewest units that a family of n may keep. The tolerance is for fractions of n that are whole but for rounding.
std::int64_t least_width(std::int64_t n, const BudgetConfig& config) {
  const double fraction = std::max(config.floor, 1.0 - config.cap);
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(std::ceil(fraction * static_cast<double>(n) - 1e-9)), 1, n);
}

std::string percent(std::int64_t part, std::int64_t whole) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %%", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
  return text;
}

// x^p, x >= 1, the same bits everywhere.
double power(double x, double p) { return p == 0.0 ? 1.0 : portable_exp(p * portable_log(x)); }

// Families that lose their units together, one from each.
using Bundle = std::vector<std::size_t>;

std::vector<Bundle> bundles_of(const PrunableStructure& structure, LayerWidths layout) {
  std::vector<Bundle> bundles;
  std::map<std::string, std::size_t> shared;  // bundle of a shared width
  for (std::size_t f = 0; f < structure.families.size(); ++f) {
    const Family& family = structure.families[f];
    if (layout == LayerWidths::kUniform && !family.shared_width.empty()) {
      const auto [found, fresh] = shared.try_emplace(family.shared_width, bundles.size());
      if (!fresh) {
        Bundle& bundle = bundles[found->second];
        const Family& first = structure.families[bundle[0]];
        if (family.num_groups != first.num_groups) {
          throw InputError("prune.layout: found uniform, but " + family.name + " has " + std::to_string(family.num_groups) +
                           " units and " + first.name + " " + std::to_string(first.num_groups) + "; expected per_layer");
        }
        bundle.push_back(f);
        continue;
      }
    }
    bundles.push_back({f});
  }
  return bundles;
}

// The widths on the way down from the full model, one unit of a bundle's families at a time.
class Descent {
 public:
  Descent(const Model& model, const PrunableStructure& structure, std::span<const double> scores,
          const BudgetConfig& config)
      : model_(model),
        config_(config),
        bundles_(bundles_of(structure, config.layout)),
        full_(structure.full_widths()),
        widths_(full_) {
    for (const Family& family : structure.families) {
      std::vector<int> order(static_cast<std::size_t>(family.num_groups));
      std::iota(order.begin(), order.end(), family.first_group);
      std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
        return scores[static_cast<std::size_t>(a)] > scores[static_cast<std::size_t>(b)];
      });
      order_.push_back(std::move(order));
      least_.push_back(least_width(family.num_groups, config));
    }
    scores_ = scores;
    size_ = full_size_ = measure(model, config.budget, widths_);
  }

  std::int64_t size() const { return size_; }
  std::int64_t full_size() const { return full_size_; }
  std::int64_t smallest_size() const { return measure(model_, config_.budget, least_); }

  // Removes one more unit of one bundle; there is one while size() > smallest_size().
  void step() {
    const Bundle* best = nullptr;
    std::int64_t best_size = 0;
    double best_key = std::numeric_limits<double>::infinity();
    for (const Bundle& bundle : bundles_) {
      if (widths_[bundle[0]] <= least_[bundle[0]]) continue;
      for (const std::size_t f : bundle) --widths_[f];
      const std::int64_t size = measure(model_, config_.budget, widths_);
      for (const std::size_t f : bundle) ++widths_[f];
      const double key = removal_key(bundle, static_cast<double>(std::max<std::int64_t>(size_ - size, 1)));
      if (best == nullptr || key < best_key) {
        best = &bundle;
        best_key = key;
        best_size = size;
      }
    }
    for (const std::size_t f : *best) --widths_[f];
    size_ = best_size;
  }

  std::vector<std::uint8_t> kept() const {
    std::vector<std::uint8_t> kept(scores_.size(), 0);
    for (std::size_t f = 0; f < order_.size(); ++f) {
      for (std::int64_t i = 0; i < widths_[f]; ++i)
        kept[static_cast<std::size_t>(order_[f][static_cast<std::size_t>(i)])] = 1;
    }
    return kept;
  }

 private:
  double removal_key(const Bundle& bundle, double saving) const {
    if (config_.allocation == Allocation::kUniform) {
      return -static_cast<double>(widths_[bundle[0]]) / static_cast<double>(full_[bundle[0]]);
    }
    double score = 0.0;
    for (const std::size_t f : bundle) {
      score += scores_[static_cast<std::size_t>(order_[f][static_cast<std::size_t>(widths_[f] - 1)])];
    }
    return score / power(saving, config_.exponent);
  }

  const Model& model_;
  const BudgetConfig& config_;
  std::vector<Bundle> bundles_;
  std::vector<std::int64_t> full_;
  std::vector<std::int64_t> widths_;
  std::vector<std::int64_t> least_;
  std::vector<std::vector<int>> order_;  // groups of each family, best first
  std::span<const double> scores_;
  std::int64_t size_ = 0;
  std::int64_t full_size_ = 0;
};

}  // namespace

std::vector<std::uint8_t> choose_units(const Model& model, std::span<const double> scores, const BudgetConfig& config) {
  check_target(config.budget, true);
  if (config.allocation == Allocation::kErk) {
    throw InputError("budget: found allocation erk; channels expect global or uniform");
  }
  const PrunableStructure structure = model.structure();
  if (scores.size() != structure.groups.size()) {
    throw Error("budget: found " + std::to_string(scores.size()) + " scores; expected " +
                std::to_string(structure.groups.size()));
  }
  if (!std::all_of(scores.begin(), scores.end(), [](double score) { return std::isfinite(score); })) {
    throw InputError("budget: a score is not finite");
  }
  Descent descent(model, structure, scores, config);
  const bool flops = config.budget.flops > 0.0;
  const double fraction = flops ? config.budget.flops : config.budget.params;
  const double budget = fraction * static_cast<double>(descent.full_size());
  if (static_cast<double>(descent.smallest_size()) > budget) {
    throw InputError(std::string("budget: found ") + (flops ? "flops " : "params ") + plain_number(fraction) +
                     "; the smallest reachable is " + percent(descent.smallest_size(), descent.full_size()) +
                     " of the " + (flops ? "FLOPs" : "parameters") + " with floor " + plain_number(config.floor) +
                     " and cap " + plain_number(config.cap));
  }
  while (static_cast<double>(descent.size()) > budget) descent.step();
  return descent.kept();
}

}  // namespace coppice
