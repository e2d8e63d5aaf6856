#include "algorithms/budget/size.h"

#include <algorithm>
#include <array>

#include "core/error.h"

namespace coppice {
namespace {

std::vector<std::int64_t> statistics_of_units(const PrunableStructure& structure) {
  std::vector<std::int64_t> entries;
  for (const Family& family : structure.families) {
    std::int64_t sum = 0;
    for (const Slice& slice : structure.groups[static_cast<std::size_t>(family.first_group)].slices) {
      if (slice.arena == ArenaId::kMoments) sum += slice.end - slice.begin;
    }
    entries.push_back(sum);
  }
  return entries;
}

}  // namespace

std::int64_t LatencyTable::saving(std::size_t at, std::int64_t width) const {
  const Bundle& bundle = bundles[at];
  if (width >= bundle.widths.front()) return full_ns - bundle.ns.front();
  for (std::size_t i = 1; i < bundle.widths.size(); ++i) {
    if (width < bundle.widths[i]) continue;
    const std::int64_t span = bundle.widths[i - 1] - bundle.widths[i];
    return full_ns - bundle.ns[i] - (bundle.ns[i - 1] - bundle.ns[i]) * (width - bundle.widths[i]) / span;
  }
  return full_ns - bundle.ns.back();
}

std::int64_t LatencyTable::time(std::int64_t apart_ns) const {
  Joint before;
  for (const Joint& joint : joints) {
    if (apart_ns <= joint.apart_ns) {
      const double part = static_cast<double>(apart_ns - before.apart_ns) / static_cast<double>(joint.apart_ns - before.apart_ns);
      const auto more = static_cast<double>(joint.together_ns - before.together_ns);
      return full_ns - before.together_ns - static_cast<std::int64_t>(part * more);
    }
    before = joint;
  }
  return std::max<std::int64_t>(full_ns - before.together_ns - (apart_ns - before.apart_ns), 0);
}

const char* key_of(BudgetMeasure measure) {
  constexpr std::array<const char*, 4> keys = {"flops", "params", "bytes", "latency"};
  return keys[static_cast<std::size_t>(measure)];
}

const char* noun_of(BudgetMeasure measure) {
  constexpr std::array<const char*, 4> nouns = {"multiply-adds", "parameters", "bytes", "measured ns"};
  return nouns[static_cast<std::size_t>(measure)];
}

SizeMeasure::SizeMeasure(const BudgetConfig& config, const Model& model, const PrunableStructure& structure,
                         std::span<const std::string> bundles)
    : model_(model), measure_(measure_of(config.budget)), table_(config.latencies.get()) {
  if (measure_ == BudgetMeasure::kBytes) {
    unit_statistics_ = statistics_of_units(structure);
    const ArenaLayout& moments = *model.moments_layout();
    for (const ArenaEntry& entry : moments.entries()) fixed_statistics_ += entry.numel;
    for (std::size_t f = 0; f < unit_statistics_.size(); ++f) {
      fixed_statistics_ -= unit_statistics_[f] * structure.families[f].num_groups;
    }
  }
  if (measure_ != BudgetMeasure::kLatency) return;
  if (table_ == nullptr) throw InputError("budget: found latency without a table of measured times");
  for (const std::string& name : bundles) {
    const auto is_it = [&name](const LatencyTable::Bundle& bundle) { return bundle.family == name; };
    if (std::none_of(table_->bundles.begin(), table_->bundles.end(), is_it)) {
      throw InputError("budget: the table of latencies has no " + quoted(name) + "; expected one that was measured with the same model, units and layout");
    }
  }
  for (const LatencyTable::Bundle& bundle : table_->bundles) {
    const auto found = std::find_if(structure.families.begin(), structure.families.end(),
                                    [&bundle](const Family& family) { return family.name == bundle.family; });
    if (found == structure.families.end() || found->num_groups != bundle.widths.front()) {
      throw InputError("budget: the table of latencies has " + coppice::quoted(bundle.family) + " of width " + std::to_string(bundle.widths.front()) +
                       ", the model has not; expected one that was measured with the same model");
    }
    family_of_bundle_.push_back(static_cast<std::size_t>(found - structure.families.begin()));
  }
}

std::int64_t SizeMeasure::of(std::span<const std::int64_t> widths) const {
  if (measure_ == BudgetMeasure::kLatency) {
    std::int64_t apart = 0;
    for (std::size_t b = 0; b < family_of_bundle_.size(); ++b) apart += table_->saving(b, widths[family_of_bundle_[b]]);
    return table_->time(apart);
  }
  const Cost cost = model_.cost(widths);
  if (measure_ == BudgetMeasure::kFlops) return cost.macs;
  if (measure_ == BudgetMeasure::kParams) return cost.params;
  std::int64_t values = cost.params + fixed_statistics_;
  for (std::size_t f = 0; f < widths.size(); ++f) values += unit_statistics_[f] * widths[f];
  return values * static_cast<std::int64_t>(sizeof(float));
}

}  // namespace coppice
