#include "client/personal_mask.h"

#include "algorithms/exchange/submodel.h"
#include "core/error.h"

namespace coppice {

std::shared_ptr<const Mask> stored_mask(const RoundPlan& plan, std::int64_t client, const ClientStore& store, const Model& model) {
  const auto version = plan.store_versions.find(client);
  if (version == plan.store_versions.end()) return std::make_shared<const Mask>(model.base_layout(), model.structure());
  try {
    return std::make_shared<const Mask>(Mask::from_blocks(model.base_layout(), model.structure(), store.read(client, version->second)));
  } catch (InputError& error) {
    error.within("mask of client " + std::to_string(client));
    throw;
  }
}

RoundPlan ticket_plan(const RoundPlan& own, const LotteryTask& task, const Model& model, const std::function<double()>& accuracy) {
  auto next = std::make_shared<const Mask>(next_ticket(task, model.structure(), *own.mask, own.values->base));
  if (*next == *own.mask || accuracy() <= task.start_accuracy) {
    RoundPlan same = own;
    same.origin = {};
    return same;
  }
  RoundPlan ticket = personal_plan(own, next);
  Arena start = own.origin.values->base.clone();
  next->apply_to(start);
  ticket.origin.values =
      std::make_shared<const ModelState>(ModelState{own.values->config, std::move(start), own.values->moments.clone()});
  return ticket;
}

}  // namespace coppice
