#include "client/hidden_states.h"

namespace coppice {
namespace {

std::string key_of(const RoundPlan& plan, const CollectTask& task) {
  std::string key = plan.stage + "/" + plan.track;
  for (const std::uint64_t part : {plan.run_id, static_cast<std::uint64_t>(task.batches), static_cast<std::uint64_t>(task.batch),
                                   static_cast<std::uint64_t>(task.precision)}) {
    key += "/" + std::to_string(part);
  }
  return key;
}

}  // namespace

HiddenStates::Entry& HiddenStates::of(const RoundPlan& plan, const CollectTask& task, std::int64_t client) {
  if (std::string key = key_of(plan, task); key != key_) {
    entries_.clear();
    key_ = std::move(key);
  }
  Entry& entry = entries_[client];
  if (entry.block > task.first_block) entry = {};
  return entry;
}

}  // namespace coppice
