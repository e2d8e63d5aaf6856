#include "algorithms/methods/pretraining.h"

namespace coppice {
namespace {

FinetuneConfig stage_of(const PretrainConfig& config) {
  FinetuneConfig stage;
  stage.rounds = config.epochs;
  stage.schedule = config.schedule;
  stage.evaluate_every = 0;
  return stage;
}

FederationConfig federation_of(const PretrainConfig& config, const FederationConfig& all) {
  FederationConfig own;
  own.cohort = 1;
  own.local.batch = config.batch;
  own.local.recompute = all.local.recompute;
  own.optimizer = config.optimizer;
  own.weight = Release::Weight::kOne;
  own.precision = all.precision;
  own.evaluation = all.evaluation;
  own.divergence = all.divergence;
  return own;
}

}  // namespace

// How many examples the coordinator has does not matter to whom it draws: itself.
Pretraining::Pretraining(const PretrainConfig& config, const FederationConfig& federation, LossKind loss, const Population& population)
    : FederatedTraining(PretrainConfig::kName, stage_of(config), federation_of(config, federation), loss,
                        Population{{1}, {0}, population.test_samples}) {}

std::vector<RoundPlan> Pretraining::next_plans(const State& state) const {
  std::vector<RoundPlan> plans = FederatedTraining::next_plans(state);
  for (RoundPlan& plan : plans) {
    if (std::holds_alternative<TrainTask>(plan.tasks.at(0))) plan.track = kOwnTrack;
  }
  return plans;
}

StepRecord Pretraining::absorb(State& state, const std::vector<RoundPlan>& plans, const std::vector<Answer>& answers) const {
  StepRecord record = FederatedTraining::absorb(state, plans, answers);
  record.numbers.erase("clients");
  record.numbers.erase("declined");
  return record;
}

void PretrainConfig::visit(FieldVisitor& v) {
  v.variant("source", source, "public data, of which the training split is taken; of the clients' own data, what no client holds");
  v.field("per_class", per_class, "examples of each class, drawn at random; 0 = all there are", at_least(0));
  v.field("epochs", epochs, "passes over the public data", at_least(1));
  v.field("batch", batch, "samples a step", at_least(1));
  v.variant("optimizer", optimizer, "of the coordinator's steps");
  v.variant("schedule", schedule, "learning rate over the epochs");
}

}  // namespace coppice
