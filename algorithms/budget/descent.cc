#include "algorithms/budget/descent.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <set>
#include <string>

#include "core/error.h"
#include "core/portable_math.h"

namespace coppice {
namespace {

// Fewest units that a family of n may keep. The tolerance is for fractions of n that are whole but for rounding.
std::int64_t least_width(std::int64_t n, const BudgetConfig& config) {
  const double fraction = std::max(config.floor, 1.0 - config.cap);
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(std::ceil(fraction * static_cast<double>(n) - 1e-9)), 1, n);
}

// x^p, x >= 1, the same bits everywhere.
double power(double x, double p) { return p == 0.0 ? 1.0 : portable_exp(p * portable_log(x)); }

bool may_go(const Family& family, const BudgetConfig& config) {
  return config.units.empty() || std::find(config.units.begin(), config.units.end(), family.kind) != config.units.end();
}

std::vector<std::string> first_names(const PrunableStructure& structure, const std::vector<Bundle>& bundles) {
  std::vector<std::string> names;
  for (const Bundle& bundle : bundles) names.push_back(structure.families[bundle[0]].name);
  return names;
}

// One a group: whether it stands in one of the first or last layers that are kept whole.
std::vector<bool> protected_groups(const PrunableStructure& structure, const BudgetConfig& config) {
  std::vector<bool> kept(structure.groups.size(), false);
  const auto first = static_cast<std::size_t>(config.protect.first), last = static_cast<std::size_t>(config.protect.last);
  if (first + last == 0) return kept;
  std::set<int> distinct;
  for (const Group& group : structure.groups) {
    const Family& family = structure.families[static_cast<std::size_t>(group.family)];
    if (!may_go(family, config)) continue;
    if (group.block < 0) throw InputError("protect: " + family.name + " stands in no single layer of this model; expected first 0 and last 0");
    if (config.layout == LayerWidths::kUniform && !family.shared_width.empty()) {
      throw InputError("protect: layers kept whole would be unlike the others; expected layout per_layer, or units [layer]");
    }
    distinct.insert(group.block);
  }
  const std::vector<int> blocks(distinct.begin(), distinct.end());
  for (std::size_t g = 0; g < kept.size(); ++g) {
    const auto at = static_cast<std::size_t>(std::find(blocks.begin(), blocks.end(), structure.groups[g].block) - blocks.begin());
    kept[g] = at < first || at + last >= blocks.size();
  }
  return kept;
}

}  // namespace

std::vector<Bundle> bundles_of(const PrunableStructure& structure, const BudgetConfig& config) {
  std::vector<Bundle> bundles;
  std::map<std::string, std::size_t> named;  // bundle of a shared width, or of what is tied
  for (std::size_t f = 0; f < structure.families.size(); ++f) {
    const Family& family = structure.families[f];
    if (!may_go(family, config)) continue;
    const bool shared = config.layout == LayerWidths::kUniform && !family.shared_width.empty();
    const std::string& name = shared ? family.shared_width : family.tied;
    const auto [found, fresh] = name.empty() ? std::pair(named.end(), true) : named.try_emplace(name, bundles.size());
    if (fresh) {
      bundles.push_back({f});
      continue;
    }
    Bundle& bundle = bundles[found->second];
    const Family& first = structure.families[bundle[0]];
    if (family.num_groups != first.num_groups) {
      throw InputError("prune.layout: found uniform, but " + family.name + " has " + std::to_string(family.num_groups) +
                       " units and " + first.name + " " + std::to_string(first.num_groups) + "; expected per_layer");
    }
    bundle.push_back(f);
  }
  return bundles;
}

Descent::Descent(const Model& model, const PrunableStructure& structure, std::span<const double> scores, const BudgetConfig& config)
    : config_(config),
      scores_(scores),
      bundles_(bundles_of(structure, config)),
      measure_(config, model, structure, first_names(structure, bundles_)),
      divides_(structure.families.size(), 0),
      full_(structure.full_widths()),
      widths_(full_),
      smallest_(full_) {
  const std::vector<bool> stays = protected_groups(structure, config);
  for (const Family& family : structure.families) {
    std::vector<int> order(static_cast<std::size_t>(family.num_groups));
    std::iota(order.begin(), order.end(), family.first_group);
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
      const auto i = static_cast<std::size_t>(a), j = static_cast<std::size_t>(b);
      return stays[i] != stays[j] ? stays[i] : scores[i] > scores[j];
    });
    order_.push_back(std::move(order));
  }
  // What is gone already leaves the descent to start further down.
  for (std::size_t f = 0; f < order_.size(); ++f) {
    widths_[f] -= std::count_if(order_[f].begin(), order_[f].end(), [&](int g) { return scores[static_cast<std::size_t>(g)] == kGone; });
  }
  for (const Bundle& bundle : bundles_) {
    const Family& first = structure.families[bundle[0]];
    const bool shared = config.layout == LayerWidths::kUniform && !first.shared_width.empty();
    std::int64_t least = least_width(first.num_groups, config);
    for (const std::size_t f : bundle) {
      if (shared) divides_[f] = first.plain_divides;
      const auto begin = stays.begin() + structure.families[f].first_group;
      least = std::max<std::int64_t>(least, std::count(begin, begin + first.num_groups, true));
    }
    while (divides_[bundle[0]] > 0 && least < first.num_groups && divides_[bundle[0]] % least != 0) ++least;
    for (const std::size_t f : bundle) smallest_[f] = least;
  }
  size_ = measure_.of(widths_);
}

std::int64_t Descent::allowed_width(const Bundle& bundle, std::int64_t width) const {
  width = std::max(width, smallest_[bundle[0]]);
  while (divides_[bundle[0]] > 0 && width > smallest_[bundle[0]] && divides_[bundle[0]] % width != 0) --width;
  return width;
}

void Descent::set_widths(const Bundle& bundle, std::int64_t width) {
  for (const std::size_t f : bundle) widths_[f] = width;
}

std::int64_t Descent::size_below(const Bundle& bundle) {
  const std::int64_t now = width(bundle);
  set_widths(bundle, width_below(bundle));
  const std::int64_t size = measure_.of(widths_);
  set_widths(bundle, now);
  return size;
}

void Descent::step() {
  const Bundle* best = nullptr;
  std::int64_t best_size = 0;
  double best_key = std::numeric_limits<double>::infinity();
  for (const Bundle& bundle : bundles_) {
    if (width(bundle) <= smallest_width(bundle)) continue;
    const std::int64_t size = size_below(bundle);
    const double key = removal_key(bundle, static_cast<double>(std::max<std::int64_t>(size_ - size, 1)));
    if (best == nullptr || key < best_key) {
      best = &bundle;
      best_key = key;
      best_size = size;
    }
  }
  set_widths(*best, width_below(*best));
  size_ = best_size;
}

std::vector<std::uint8_t> Descent::kept() const {
  std::vector<std::uint8_t> kept(scores_.size(), 0);
  for (std::size_t f = 0; f < order_.size(); ++f) {
    for (std::int64_t i = 0; i < widths_[f]; ++i) kept[static_cast<std::size_t>(order_[f][static_cast<std::size_t>(i)])] = 1;
  }
  return kept;
}

double Descent::removal_key(const Bundle& bundle, double saving) const {
  if (config_.allocation == Allocation::kUniform) {
    return -static_cast<double>(widths_[bundle[0]]) / static_cast<double>(full_[bundle[0]]);
  }
  double score = 0.0;
  const std::int64_t below = width_below(bundle);
  for (const std::size_t f : bundle) {
    for (std::int64_t w = widths_[f]; w > below; --w) {
      score += scores_[static_cast<std::size_t>(order_[f][static_cast<std::size_t>(w - 1)])];
    }
  }
  return score / power(saving, config_.exponent);
}

}  // namespace coppice
