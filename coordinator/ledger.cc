#include "coordinator/ledger.h"

#include <algorithm>

#include "algorithms/methods/pretraining.h"
#include "coordinator/client_views.h"

namespace coppice {
namespace {

constexpr const char* kVirtual = "virtual";
constexpr const char* kOwnFlops = "own_flops";

bool is_evaluation(const RoundPlan& plan) {
  return std::all_of(plan.tasks.begin(), plan.tasks.end(), [&plan](const Task& task) {
    const auto* measure = std::get_if<MeasureTask>(&task);
    return measure != nullptr && (measure->split == Split::kTest || plan.personal);
  });
}

StepCost charge_own(const Answer& answer, State& state) {
  StepCost cost;
  for (const ClientOutcome& outcome : answer.roster()) cost.own_flops += outcome.flops;
  state.numbers.try_emplace(kOwnFlops, std::vector<double>{0.0}).first->second[0] += cost.own_flops;
  return cost;
}

}  // namespace

StepCost Ledger::admit(RoundPlan& plan, State& state) const {
  StepCost cost;
  if (devices_.empty() || is_evaluation(plan)) return cost;
  const ClientViews views(plan);
  std::vector<std::int64_t> there;
  for (const std::int64_t client : plan.cohort) {
    const Device& device = devices_.at(static_cast<std::size_t>(client));
    auto& counts = state.numbers.try_emplace(kDeviceCounts + device.profile, std::vector<double>(3, 0.0)).first->second;
    if (views.bytes(client) > device.memory_bytes) {
      cost.too_small += 1.0;
      counts[1] += 1.0;
    } else if (!is_reachable(device, client, plan.seed)) {
      cost.unreachable += 1.0;
      counts[2] += 1.0;
    } else {
      there.push_back(client);
      counts[0] += 1.0;
    }
  }
  plan.cohort = std::move(there);
  std::erase_if(plan.assignment, [&plan](const auto& item) { return !std::binary_search(plan.cohort.begin(), plan.cohort.end(), item.first); });
  return cost;
}

StepCost Ledger::charge(const RoundPlan& plan, const Answer& answer, State& state) {
  if (is_evaluation(plan) || plan.cohort.empty()) return {};
  if (plan.track == kOwnTrack) return charge_own(answer, state);
  const ClientViews views(plan);
  const std::string model = (plan.teacher.values ? plan.teacher.digest.hex() : "") + (plan.origin.values ? plan.origin.digest.hex() : "") +
                            (plan.frozen ? plan.frozen->hex() : "");
  StepCost total;
  std::uint64_t payload = 0;
  const auto charge_client = [&](const ClientOutcome& outcome, double bytes_down) {
    total.bytes_down += bytes_down;
    total.bytes_up += static_cast<double>(outcome.bytes_up);
    total.flops += outcome.flops;
    total.peak_bytes = std::max(total.peak_bytes, static_cast<double>(outcome.peak_bytes));
    payload = std::max(payload, outcome.bytes_up);
    if (devices_.empty()) return;
    const VirtualCost spent = virtual_cost(devices_.at(static_cast<std::size_t>(outcome.client)), bytes_down, outcome.flops,
                                           static_cast<double>(outcome.bytes_up));
    total.virtual_seconds = std::max(total.virtual_seconds, spent.seconds);
    total.joules += spent.joules;
  };
  for (const ClientOutcome& outcome : answer.roster()) {
    if (plan.track != kMainTrack) {
      charge_client(outcome, views.bytes_down(outcome.client, false, false));
      continue;
    }
    const double spared = static_cast<double>(outcome.dropped) * sizeof(float);
    const std::string digest = views.mask_of(outcome.client);
    std::string& mask = state.client_masks[outcome.client];
    const bool holds_model = model.empty() || state.client_models[outcome.client] == model;
    charge_client(outcome, views.bytes_down(outcome.client, mask == digest, holds_model) - spared);
    mask = digest;
    if (!holds_model) state.client_models[outcome.client] = model;
  }
  total.live_bytes = views.most_bytes(payload);
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
  if (plan.track != kMainTrack) return {};
  if (!devices_.empty()) {
    auto& clock = state.numbers.try_emplace(kVirtual, std::vector<double>(2, 0.0)).first->second;
    clock[0] += total.virtual_seconds;
    clock[1] += total.joules;
  }
  return total;
}

VirtualCost virtual_total(const State& state) {
  const auto found = state.numbers.find(kVirtual);
  return found == state.numbers.end() ? VirtualCost{} : VirtualCost{found->second[0], found->second[1]};
}

double own_flops(const State& state) {
  const auto found = state.numbers.find(kOwnFlops);
  return found == state.numbers.end() ? 0.0 : found->second[0];
}

Traffic traffic_of(const State& state, const std::string& track) {
  const auto found = state.numbers.find("traffic/" + track);
  if (found == state.numbers.end()) return {};
  return {found->second[0], found->second[1], found->second[2]};
}

}  // namespace coppice
