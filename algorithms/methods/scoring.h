// The score stage: one plan; clients send importance of units (or of single weights) from one backward pass over their data.
//
// What it leaves in the state: the summed numerators of every block, under "score/<block>".
#pragma once

#include "algorithms/fusion/fusion.h"
#include "algorithms/methods/federation_config.h"
#include "algorithms/methods/method.h"

namespace coppice {

struct ScoreConfig {
  static constexpr const char* kName = "score";
  ImportanceConfig importance = TaylorConfig{};
  FusionConfig fusion;
  std::int64_t batches = 2;           // of each client; 0 = all its samples
  std::int64_t batch = 64;
  std::int64_t cohort = 0;            // 0 = every client
  Release::Weight weight = Release::Weight::kSamples;
  void visit(FieldVisitor& v);
};

class Scoring : public Method {
 public:
  // `edge`: also score the single weights of the first and last layer.
  Scoring(ScoreConfig config, ScoreTarget target, bool edge, FederationConfig federation, LossKind loss, Population population);

  std::string name() const override { return ScoreConfig::kName; }
  std::int64_t total_steps() const override { return 1; }
  bool done(const State& state) const override;
  std::vector<RoundPlan> next_plans(const State& state) const override;
  StepRecord absorb(State& state, const std::vector<RoundPlan>& plans,
                    const std::vector<Answer>& answers) const override;

 private:
  // The agreement rule needs a first pass whose fused scores every client then compares its own with.
  bool two_passes() const;

  ScoreConfig config_;
  ScoreTarget target_;
  bool edge_;
  FederationConfig federation_;
  LossKind loss_;
  Population population_;
};

// The task of a score stage; what it asked for is also how its sums are read.
EstimateTask estimate_task(const ScoreConfig& config, ScoreTarget target, bool edge);

// The numerators a score stage left behind, in the order of the estimator's blocks. Throws InputError where there are none.
std::vector<std::vector<double>> score_sums(const State& state, const std::vector<ScoreBlock>& blocks);

}  // namespace coppice
