#include "algorithms/dynamics/mask_dynamics.h"

#include <algorithm>

#include "algorithms/masking/adjust.h"
#include "core/error.h"

namespace coppice {

std::int64_t AdjustmentSchedule::count(const Mask& mask, ParamId tensor, std::int64_t round) const {
  const Bits& bits = mask.bits(tensor);
  const std::int64_t kept = bits.count();
  return std::min(adjustment_count(alpha, round, until, kept), bits.size() - kept);
}

std::vector<std::int64_t> AdjustmentSchedule::counts(const Mask& mask, const std::vector<std::int64_t>& tensors, std::int64_t round) const {
  std::vector<std::int64_t> all;
  for (const std::int64_t tensor : tensors) all.push_back(count(mask, static_cast<ParamId>(tensor), round));
  return all;
}

void AdjustmentTimes::visit(FieldVisitor& v) {
  v.field("every", every, "rounds between adjustments", at_least(1));
  v.field("until", until, "round from which the mask stays", at_least(1));
}

void AdjustmentSchedule::visit(FieldVisitor& v) {
  AdjustmentTimes::visit(v);
  v.field("alpha", alpha, "first fraction of a matrix's kept weights exchanged; cosine decay to 0", above_to(0, 1));
}

std::vector<std::int64_t> masked_tensors(const Mask& mask) {
  std::vector<std::int64_t> masked;
  for (const auto& [tensor, bits] : mask.elements()) masked.push_back(tensor);
  return masked;
}

const GrowthTask& growth_of(const RoundPlan& plan) {
  for (const Task& task : plan.tasks) {
    if (const auto* growth = std::get_if<GrowthTask>(&task)) return *growth;
  }
  throw Error("plan " + std::to_string(plan.id) + " has no growth task");
}

}  // namespace coppice
