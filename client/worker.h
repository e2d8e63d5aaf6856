// A rank's half of a round: carries a plan out for one virtual client after the other, on models that all clients share.
//
// What a client reports depends on the plan and on the client alone, never on which rank plays it or on what ran before.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "algorithms/exchange/plan.h"
#include "algorithms/exchange/report.h"
#include "client/client_data.h"
#include "client/client_models.h"
#include "client/client_store.h"
#include "client/hidden_states.h"

namespace coppice {

class Worker {
 public:
  Worker(std::shared_ptr<const ClientData> data, ClientStore store);

  // Called with a released report while the client's tensors are still in place; says whether it was accepted.
  using Deliver = std::function<Decline(std::int64_t client, const Report&)>;

  // Plays one client after the other. Expected failures (a loss that is not finite, no samples) come back as declined, not
  // as exceptions.
  std::vector<ClientOutcome> play(const RoundPlan& plan, std::span<const std::int64_t> clients,
                                  const std::vector<ReportBlock>& blocks, const Deliver& deliver);

 private:
  ClientOutcome play_one(const RoundPlan& plan, std::int64_t client, const std::vector<ReportBlock>& blocks,
                         ClientModels& models, const Deliver& deliver);

  std::shared_ptr<const ClientData> data_;
  ClientStore store_;
  HiddenStates hidden_;
};

}  // namespace coppice
