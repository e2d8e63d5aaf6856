// FedAvg (McMahan et al. 2017, Algorithm 1): w += (1 / sum_k n_k) sum_k n_k (w_k - w), the sums over the round's clients.
#pragma once

#include "algorithms/methods/custom_stage.h"
#include "algorithms/methods/federated_training.h"
#include "algorithms/methods/train_sums.h"
#include "core/error.h"

class FedAvgRounds final : public coppice::Method {
 public:
  FedAvgRounds(std::int64_t rounds, const coppice::StageSetting& setting)
      : rounds_(rounds), name_(setting.name), federation_(setting.federation), population_(setting.population), loss_(setting.loss) {}

  std::string name() const override { return name_; }
  std::int64_t total_steps() const override { return rounds_; }
  bool done(const coppice::State& state) const override { return state.step >= rounds_; }
  // Down: the weights and the mask, and what clients are to do with them.
  std::vector<coppice::RoundPlan> next_plans(const coppice::State& state) const override {
    const coppice::Track& track = state.track(coppice::kMainTrack);
    coppice::RoundPlan plan = coppice::plan_of(state, name_, coppice::kMainTrack, loss_);
    plan.cohort = coppice::draw_cohort(population_.train_samples, federation_.cohort, plan.seed);
    plan.values = track.values;
    plan.mask = track.mask;
    plan.tasks = {coppice::train_task(federation_, 1.0)};
    return {plan};
  }
  // Up: sums over the clients. All that is remembered is in `state`, so that a run resumes.
  coppice::StepRecord absorb(coppice::State& state, const std::vector<coppice::RoundPlan>& plans,
                             const std::vector<coppice::Answer>& answers) const override {
    const coppice::Answer& answer = answers.at(0);
    if (answer.accepted() == 0) throw coppice::Stopped(name_ + ": no client could send its change");
    coppice::Track& track = state.track(coppice::kMainTrack);
    const coppice::ModelState& before = *plans.at(0).values;
    const coppice::TrainSums sums(answer, coppice::MeanAggregation{}, before.base.layout());
    const double samples = answer.scalar("train/weight");
    const coppice::Arena change = sums.mean("train/delta/", samples, before.base, track.mask.get());
    coppice::ModelState next{before.config, before.base.clone(), sums.pooled_moments(samples, before.moments)};
    const std::span<float> w = next.base.floats();
    for (std::size_t i = 0; i < w.size(); ++i) w[i] += change.floats()[i];
    track.values = std::make_shared<const coppice::ModelState>(std::move(next));
    coppice::StepRecord record{.stage = name_, .round = state.step};
    record.numbers["clients"] = static_cast<double>(answer.accepted());
    record.numbers["train_loss"] = answer.scalar("train/loss") / answer.scalar("train/samples");
    state.step += 1;
    state.total_rounds += 1;
    return record;
  }

 private:
  std::int64_t rounds_;
  std::string name_;
  coppice::FederationConfig federation_;
  coppice::Population population_;
  coppice::LossKind loss_;
};

struct FedAvgByHand final : coppice::Stage {
  std::int64_t number_of_rounds = 10;
  void visit(coppice::FieldVisitor& v) override { v.field("rounds", number_of_rounds, "rounds of training", coppice::at_least(1)); }
  std::int64_t rounds() const override { return number_of_rounds; }
  std::unique_ptr<coppice::Method> make(const coppice::StageSetting& setting) const override {
    return std::make_unique<FedAvgRounds>(number_of_rounds, setting);
  }
};
