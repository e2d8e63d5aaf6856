#include "algorithms/training/lottery.h"

#include <algorithm>
#include <cmath>

#include "algorithms/exchange/release.h"

namespace coppice {

Mask next_ticket(const LotteryTask& task, const PrunableStructure& structure, const Mask& mask, const Arena& weights) {
  constexpr double kRounding = 1e-9;  // 0.1 * 30 is a little more than 3
  std::map<ParamId, Bits> next = mask.elements();
  for (const PatternMatrix& matrix : structure.matrices) {
    const std::span<const float> values = weights.floats(matrix.tensor);
    const auto size = static_cast<std::int64_t>(values.size());
    Bits& bits = next.try_emplace(matrix.tensor, Bits(size, true)).first->second;
    const std::int64_t kept = bits.count();
    const std::int64_t least = std::max<std::int64_t>(1, std::llround(task.density * static_cast<double>(size)));
    const std::int64_t wanted = kept - static_cast<std::int64_t>(task.rate * static_cast<double>(kept) + kRounding);
    const std::int64_t drops = std::max<std::int64_t>(0, kept - std::max(least, wanted));
    const std::vector<std::uint32_t> places = bits.positions();
    for (const std::uint32_t place : smallest_kept(values, bits, drops)) bits.set(places[place], false);
  }
  return Mask::of_elements(weights.shared_layout(), structure, std::move(next));
}

void LotteryTask::visit(FieldVisitor& v) {
  v.field("start_accuracy", start_accuracy, "above which a client prunes", within(0, 1));
  v.field("rate", rate, "fraction of the kept weights that goes", within(0, 1));
  v.field("density", density, "at which a client ends", within(0, 1));
  v.field("batch", batch, "samples of a measuring pass", at_least(1));
}

}  // namespace coppice
