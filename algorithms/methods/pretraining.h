// Training by the coordinator, on public data that it holds itself, before any client takes part.
//
// The first step of FedTiny (Huang et al. 2023): a server trains the dense model on a public one-shot set, prunes it, and only then do devices see it.
// An epoch is a round of federated training whose only client is the coordinator (kOwnTrack): the clients' training code and seeds, a change of
// weight 1 added to the weights, and a step of the run that is committed. Hence momentum starts anew with each epoch, as with each client's round, which
// the paper does not say. Cost: epochs x examples at the coordinator; no byte and no FLOP of a client.
#pragma once

#include "algorithms/methods/federated_training.h"
#include "data/source.h"

namespace coppice {

// Of plans that the coordinator carries out by itself, as client 0 of the data that it holds.
inline constexpr const char* kOwnTrack = "own";

struct PretrainConfig {
  static constexpr const char* kName = "pretrain";
  SourceConfig source = FashionMnistSource{};  // its training split; where it is the clients' own, what no client holds
  std::int64_t per_class = 0;                  // 0: all
  std::int64_t epochs = 5;
  std::int64_t batch = 64;
  OptimizerConfig optimizer = SgdConfig{.lr = 0.1, .momentum = 0.9};
  ScheduleConfig schedule = ConstantSchedule{};
  void visit(FieldVisitor& v);
};

class Pretraining : public FederatedTraining {
 public:
  // Of the federation's settings: precision, recomputation, evaluation and the bound on divergence. `population`: who measures.
  Pretraining(const PretrainConfig& config, const FederationConfig& federation, LossKind loss, const Population& population);

  std::vector<RoundPlan> next_plans(const State& state) const override;
  StepRecord absorb(State& state, const std::vector<RoundPlan>& plans, const std::vector<Answer>& answers) const override;
};

}  // namespace coppice
