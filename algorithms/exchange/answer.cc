#include "algorithms/exchange/answer.h"

#include <algorithm>
#include <array>

#include "core/error.h"

namespace coppice {

const char* name_of(Decline decline) {
  switch (decline) {
    case Decline::kNone: return "accepted";
    case Decline::kNotFinite: return "loss or values not finite";
    case Decline::kOverflow: return "values too large for the plan's fixed point";
    case Decline::kNoSamples: return "no samples";
    case Decline::kWithheld: return "loss no lower than at its last report";
  }
  return "unknown";
}

bool Answer::has(std::string_view block) const {
  return std::any_of(blocks_.begin(), blocks_.end(), [&](const ReportBlock& b) { return b.name == block; });
}

std::size_t Answer::index_of(std::string_view block) const {
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    if (blocks_[i].name == block) return i;
  }
  throw Error("no block '" + std::string(block) + "' in the answer to plan " + std::to_string(plan_id_));
}

std::vector<double> Answer::sum(std::string_view block) const { return sums_->decode(index_of(block)); }

void Answer::for_each_chunk(std::string_view block, const TakeChunk& take) const {
  constexpr std::size_t kChunk = 4096;  // stays in the first-level cache
  const std::size_t index = index_of(block);
  const std::size_t count = sums_->specs()[index].count;
  std::array<double, kChunk> values;
  for (std::size_t first = 0; first < count; first += kChunk) {
    const std::span<double> chunk = std::span(values).first(std::min(kChunk, count - first));
    sums_->decode(index, first, chunk);
    take(first, chunk);
  }
  sums_->set_aside();
}

double Answer::largest(std::string_view block) const { return sums_->max_abs(index_of(block)); }

std::int64_t Answer::count(Decline declined) const {
  return std::count_if(roster_.begin(), roster_.end(), [declined](const ClientOutcome& o) { return o.declined == declined; });
}

}  // namespace coppice
