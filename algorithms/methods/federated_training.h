// Federated training of one track, or of a track and its dense twin under the same draws of clients and samples: FedAvg and
// its relatives, dense or under a mask, with or without growing the mask.
//
// A round is one plan a track and, when due, one evaluation plan a track. Cost of a round for a client: the kept values down,
// the kept changes up.
#pragma once

#include <optional>

#include "algorithms/dynamics/dynamics.h"
#include "algorithms/masking/pattern.h"
#include "algorithms/methods/federation_config.h"
#include "algorithms/methods/method.h"
#include "algorithms/training/schedule.h"
#include "algorithms/training/sparse_config.h"

namespace coppice {

struct TrainingStageConfig {
  std::int64_t rounds = 30;
  ScheduleConfig schedule = ConstantSchedule{};
  std::int64_t evaluate_every = 5;        // 0 = only after the last round
  void visit(FieldVisitor& v);
};

struct WarmupConfig : TrainingStageConfig {
  static constexpr const char* kName = "warmup";
};

struct FinetuneConfig : TrainingStageConfig {
  static constexpr const char* kName = "finetune";
  bool twin = false;                      // also train the dense model, same rounds, same draws
  SparseConfig sparse = FixedMask{};      // what becomes of the weights that an element mask drops
  std::optional<DistillConfig> distill;   // learn from the dense model, too
  AdapterConfig adapter = NoAdapter{};    // train low-rank changes instead of the weights
  DynamicsConfig dynamics = NoDynamics{};  // how the mask changes
  void visit(FieldVisitor& v);
};

class FederatedTraining : public Method {
 public:
  // `pattern`: of the run's element mask, where the config has masks made anew.
  FederatedTraining(std::string name, FinetuneConfig config, FederationConfig federation, LossKind loss,
                    Population population, ElementPattern pattern = {});

  std::string name() const override { return name_; }
  std::int64_t total_steps() const override { return config_.rounds; }
  std::int64_t rounds_done(const State& state) const override { return (state.step + 1) / 2; }
  bool done(const State& state) const override;
  std::vector<RoundPlan> next_plans(const State& state) const override;
  StepRecord absorb(State& state, const std::vector<RoundPlan>& plans,
                    const std::vector<Answer>& answers) const override;

 private:
  std::vector<std::string> tracks(const State& state) const;
  std::optional<GrowthTask> dynamics_task(const std::string& track, const Track& values, std::int64_t round) const;
  RoundPlan train_plan(const State& state, const std::string& track, std::int64_t round) const;
  StepRecord absorb_training(State& state, const std::vector<RoundPlan>& plans, const std::vector<Answer>& answers) const;
  bool evaluation_due(std::int64_t round) const;
  RoundPlan measure_plan(const State& state, const std::string& track) const;
  void finish(State& state) const;  // after the last round of training
  bool has_shadows(const std::string& name, const Track& track) const;

  std::string name_;
  FinetuneConfig config_;
  FederationConfig federation_;
  LossKind loss_;
  Population population_;
  ElementPattern pattern_;
  std::unique_ptr<MaskDynamics> dynamics_;  // null: the mask stays
};

// The local training that the federation's settings ask for; its report's blocks are train/... (algorithms/exchange/report_blocks.h).
TrainTask train_task(const FederationConfig& federation, double lr_scale);

// The plan that measures a track on the test split, and what its answer says.
RoundPlan evaluation_plan(const State& state, const std::string& stage, const std::string& track,
                          const EvaluationConfig& evaluation, LossKind loss, const Population& population, bool details);
MeasureTask measure_task(const EvaluationConfig& evaluation, Split split, bool details = false);
void record_evaluation(const RoundPlan& plan, const Answer& answer, const std::string& prefix, StepRecord& record);

}  // namespace coppice
