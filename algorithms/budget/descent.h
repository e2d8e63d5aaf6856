// The widths on the way down from the full model: what a budget over units removes, and in which order (algorithms/budget/budget.h).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "algorithms/budget/budget.h"
#include "algorithms/budget/size.h"
#include "models/model.h"

namespace coppice {

// Families that lose their units together, one from each.
using Bundle = std::vector<std::size_t>;
std::vector<Bundle> bundles_of(const PrunableStructure& structure, const BudgetConfig& config);

class Descent {
 public:
  // All must outlive it. Throws InputError where families of a shared width differ already, and where protection asks for what the
  // model or the layout cannot give.
  Descent(const Model& model, const PrunableStructure& structure, std::span<const double> scores, const BudgetConfig& config);

  std::int64_t size() const { return size_; }
  std::int64_t full_size() const { return measure_.of(full_); }
  std::int64_t smallest_size() const { return measure_.of(smallest_); }
  const std::vector<Bundle>& bundles() const { return bundles_; }
  std::int64_t width(const Bundle& bundle) const { return widths_[bundle[0]]; }
  std::int64_t smallest_width(const Bundle& bundle) const { return smallest_[bundle[0]]; }
  // The largest width that is allowed and not above `width`, or the smallest of all.
  std::int64_t allowed_width(const Bundle& bundle, std::int64_t width) const;
  // The next width below, and the size with it; only where width > smallest_width.
  std::int64_t width_below(const Bundle& bundle) const { return allowed_width(bundle, width(bundle) - 1); }
  std::int64_t size_below(const Bundle& bundle);

  // Narrows one bundle to its next width; there is one while size() > smallest_size().
  void step();
  // One a group, 1 = kept.
  std::vector<std::uint8_t> kept() const;

 private:
  double removal_key(const Bundle& bundle, double saving) const;
  void set_widths(const Bundle& bundle, std::int64_t width);

  const BudgetConfig& config_;
  std::span<const double> scores_;
  std::vector<Bundle> bundles_;
  SizeMeasure measure_;
  std::vector<std::int64_t> divides_;   // a bundle's widths divide this; 0: any
  std::vector<std::int64_t> full_;
  std::vector<std::int64_t> widths_;
  std::vector<std::int64_t> smallest_;
  std::vector<std::vector<int>> order_;  // groups of each family, best first
  std::int64_t size_ = 0;
};

}  // namespace coppice
