#include "algorithms/training/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace coppice {

void CosineSchedule::visit(FieldVisitor& v) {
  v.field("final_fraction", final_fraction, "factor on the learning rate at the end", within(0.0, 1.0));
  v.field("warmup_rounds", warmup_rounds, "rounds of linear warm-up", at_least(0));
}

double lr_scale(const ScheduleConfig& config, std::int64_t round, std::int64_t rounds) {
  const auto* cosine = std::get_if<CosineSchedule>(&config);
  if (cosine == nullptr) return 1.0;
  if (round < cosine->warmup_rounds) {
    return static_cast<double>(round + 1) / static_cast<double>(cosine->warmup_rounds + 1);
  }
  const auto span = static_cast<double>(std::max<std::int64_t>(1, rounds - cosine->warmup_rounds));
  const double done = static_cast<double>(round - cosine->warmup_rounds) / span;
  return cosine->final_fraction + (1.0 - cosine->final_fraction) * 0.5 * (1.0 + std::cos(std::numbers::pi * done));
}

}  // namespace coppice
