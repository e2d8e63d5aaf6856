// The public data that a coordinator holds itself and trains on (stage pretrain), and how its plans are carried out on it.
#pragma once

#include <memory>
#include <string>

#include "algorithms/methods/pretraining.h"
#include "client/worker.h"
#include "comm/communicator.h"
#include "simulations/ranked_backend.h"
#include "simulations/scenario.h"

namespace coppice {

// As the data of one client; null where the config has no such stage. Of a source that is the clients' own training data, the examples that no client
// holds. Throws InputError, naming the setting in `file`, where it does not fit the model or the clients' data, or has fewer than asked for.
std::shared_ptr<const ClientData> load_public_data(const RunConfig& config, const ScenarioData& data, const Model& model, const std::string& file);

// What a resume must find again: of the examples and which of them are taken.
Digest public_digest(const ClientData& data);

// Carries out the coordinator's own plans here, on its public data, and all others by `clients`.
class CoordinatorBackend : public Backend {
 public:
  // `clients` must outlive it; `folder` as RankedBackend's.
  CoordinatorBackend(const std::shared_ptr<const ClientData>& data, const std::string& folder, Backend& clients);

  Answer carry_out(const RoundPlan& plan, PhaseTimer& phases) override { return (plan.track == kOwnTrack ? own_ : clients_).carry_out(plan, phases); }

 private:
  std::unique_ptr<Communicator> alone_;
  Worker worker_;
  RankedBackend own_;
  Backend& clients_;
};

}  // namespace coppice
