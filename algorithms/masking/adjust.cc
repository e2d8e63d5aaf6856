#include "algorithms/masking/adjust.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/portable_math.h"
#include "algorithms/masking/blocks.h"
#include "algorithms/masking/make_mask.h"

namespace coppice {
namespace {

// One tensor's exchange. `allowed`: what dropped units leave; null where no unit of it is dropped.
Bits exchanged(const Bits& kept, const Bits* allowed, std::span<const float> weights, std::span<const float> growth,
               std::int64_t count) {
  std::vector<std::int64_t> active, dropped;
  std::vector<float> magnitudes, promises;
  for (std::int64_t i = 0; i < kept.size(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (kept[i]) {
      active.push_back(i);
      magnitudes.push_back(std::abs(weights[at]));
    } else if (growth[at] > 0.0F && (allowed == nullptr || (*allowed)[i])) {
      dropped.push_back(i);
      promises.push_back(growth[at]);
    }
  }
  const auto most = static_cast<std::int64_t>(std::min(active.size(), dropped.size()));
  count = std::min(count, most);
  Bits next(kept.size(), false);
  for (const std::int64_t i : top_positions(magnitudes, static_cast<std::int64_t>(active.size()) - count)) {
    next.set(active[static_cast<std::size_t>(i)], true);
  }
  for (const std::int64_t i : top_positions(promises, count)) next.set(dropped[static_cast<std::size_t>(i)], true);
  return next;
}

}  // namespace

std::int64_t adjustment_count(double alpha, std::int64_t t, std::int64_t t_end, std::int64_t kept) {
  if (t < 0 || t >= t_end) return 0;
  const double turn = 0.5 * static_cast<double>(t) / static_cast<double>(t_end);
  return static_cast<std::int64_t>(0.5 * alpha * (1.0 + portable_cos_of_turn(turn)) * static_cast<double>(kept));
}

Mask grow_and_prune(const Mask& mask, const PrunableStructure& structure, const Arena& base,
                    const ElementScores& growth, const std::map<ParamId, std::int64_t>& counts) {
  const Mask units = Mask::of_groups(base.shared_layout(), structure, mask.groups());
  std::map<ParamId, Bits> elements = mask.elements();
  for (const auto& [tensor, count] : counts) {
    const auto kept = elements.find(tensor);
    if (kept == elements.end() || count <= 0) continue;
    const Bits* allowed = units.keeps_all(tensor) ? nullptr : &units.bits(tensor);
    kept->second =
        exchanged(kept->second, allowed, base.floats(tensor), scores_of(growth, base.layout()[tensor], tensor), count);
  }
  return Mask::of_elements(base.shared_layout(), structure, std::move(elements)) & units;
}

}  // namespace coppice
