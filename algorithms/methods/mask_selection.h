// From candidate masks to the one mask of the run: batch-norm statistics are recomputed under every candidate, its loss is
// measured on samples that clients hold out for that, and the least loss wins; one candidate needs no comparison.
//
// Steps: 0 collect moments under every candidate, or the mean inputs that biases make up with (skipped where neither is wanted),
// 1 measure every candidate (skipped with one), 2 evaluate the chosen one on the test split: what the mask costs before any fine-tuning.
// Cost for a client: one forward pass a candidate over `batches` batches and over its held-out samples.
#pragma once

#include <string>
#include <vector>

#include "algorithms/compensation/compensation_config.h"
#include "algorithms/methods/federation_config.h"
#include "algorithms/methods/method.h"
#include "models/mask.h"

namespace coppice {

struct CandidateMask {
  std::string name;
  std::shared_ptr<const Mask> mask;
};

// Statistics that a cut asks of clients' data: batch norms under a mask, inputs of matrices for what compensates.
struct RecalibrationConfig {
  std::int64_t batches = 2;  // of each client; 0 = all its samples
  std::int64_t batch = 64;
  std::int64_t cohort = 0;   // 0 = every client
  void visit(FieldVisitor& v);
};

class MaskSelection : public Method {
 public:
  bool done(const State& state) const override { return state.step >= 3; }
  std::int64_t total_steps() const override { return 3; }
  std::vector<RoundPlan> next_plans(const State& state) const override;
  StepRecord absorb(State& state, const std::vector<RoundPlan>& plans,
                    const std::vector<Answer>& answers) const override;

 protected:
  MaskSelection(RecalibrationConfig recalibration, Split judged_on, FederationConfig federation, LossKind loss,
                Population population);

  // A function of the state as it was when the stage began. Never empty; no two masks alike.
  virtual std::vector<CandidateMask> candidates(const State& state) const = 0;
  // The matrices whose mean inputs move into biases for what is dropped (algorithms/compensation/bias.h); none unless overridden.
  virtual std::vector<ParamId> compensated_matrices(const Model& /*model*/) const { return {}; }
  // What boosters take up of dropped weights (algorithms/compensation/slorb.h); none unless overridden. The masked model has them alone:
  // candidates are compared without, and the dense model is what it was.
  virtual const SlorbConfig* boosters() const { return nullptr; }
  // What later stages should know of the choice; called before shapes change.
  virtual void remember(State& /*state*/) const {}
  // Whether batch-norm variances are those of all samples, or the mean of clients' own.
  virtual bool pools_variance() const { return true; }

 private:
  RoundPlan base_plan(const State& state) const;
  RoundPlan statistics_plan(const State& state) const;
  std::vector<CandidateMask> candidates_on(const Model& model, const State& state) const;
  RoundPlan measure_plan(const State& state) const;
  void choose(State& state, std::size_t chosen, StepRecord& record) const;
  const std::vector<std::int64_t>& judges() const;

  RecalibrationConfig recalibration_;
  Split judged_on_;
  FederationConfig federation_;
  LossKind loss_;
  Population population_;
};

}  // namespace coppice
