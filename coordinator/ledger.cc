#include "coordinator/ledger.h"

#include <algorithm>

#include "algorithms/exchange/client_cost.h"
#include "algorithms/exchange/plan_codec.h"
#include "models/model.h"

namespace coppice {
namespace {

bool is_evaluation(const RoundPlan& plan) {
  return std::all_of(plan.tasks.begin(), plan.tasks.end(), [](const Task& task) {
    const auto* measure = std::get_if<MeasureTask>(&task);
    return measure != nullptr && measure->split == Split::kTest;
  });
}

}  // namespace

StepCost Ledger::charge(const RoundPlan& plan, const Answer& answer, State& state) {
  if (is_evaluation(plan) || plan.cohort.empty()) return {};
  const std::string digest = plan.mask ? plan.mask->digest().hex() : "";
  const std::string model = (plan.teacher.values ? plan.teacher.digest.hex() : "") + (plan.frozen ? plan.frozen->hex() : "");
  std::map<std::pair<bool, bool>, double> sizes;  // by what a client holds already: the mask, the frozen models
  const auto size_for = [&](bool holds_mask, bool holds_model) {
    const auto [size, unknown] = sizes.try_emplace({holds_mask, holds_model});
    if (unknown) size->second = static_cast<double>(plan_bytes(plan, holds_mask ? plan.mask : nullptr, holds_model));
    return size->second;
  };
  StepCost total;
  std::uint64_t payload = 0;
  for (const ClientOutcome& outcome : answer.roster()) {
    if (plan.track == kMainTrack) {
      std::string& mask = state.client_masks[outcome.client];
      const bool holds_model = model.empty() || state.client_models[outcome.client] == model;
      total.bytes_down += size_for(mask == digest, holds_model);
      mask = digest;
      if (!holds_model) state.client_models[outcome.client] = model;
    } else {
      total.bytes_down += size_for(false, false);
    }
    total.bytes_up += static_cast<double>(outcome.bytes_up);
    total.flops += outcome.flops;
    total.peak_bytes = std::max(total.peak_bytes, static_cast<double>(outcome.peak_bytes));
    payload = std::max(payload, outcome.bytes_up);
  }
  total.live_bytes = static_cast<double>(client_bytes(plan, *make_model(plan.values->config), payload).sum());
  auto& traffic = state.numbers.try_emplace("traffic/" + plan.track, std::vector<double>(3, 0.0)).first->second;
  const auto clients = static_cast<double>(answer.roster().size());
  traffic[0] += total.bytes_down;
  traffic[1] += total.bytes_up;
  traffic[2] += clients;
  if (clients > 0) {
    total.bytes_down /= clients;
    total.bytes_up /= clients;
    total.flops /= clients;
  }
  return plan.track == kMainTrack ? total : StepCost{};
}

Traffic traffic_of(const State& state, const std::string& track) {
  const auto found = state.numbers.find("traffic/" + track);
  if (found == state.numbers.end()) return {};
  return {found->second[0], found->second[1], found->second[2]};
}

}  // namespace coppice
