// The prune stage under `compensation: sparsegpt`: clients add up X^T X of the inputs of matrices, the coordinator prunes them
// (algorithms/compensation/sparse_gpt.h) and lets the weights that stay take over.
//
// Steps: sequential, one a block of the model that has matrices under the pattern, each at the weights of the step before; one_pass, one
// for all. Then the result is evaluated on the test split. Traffic of a client: the model down in every step, the sum of I (I + 1) / 2
// float32 over the inputs of a step up.
#pragma once

#include "algorithms/compensation/sparse_gpt.h"
#include "algorithms/methods/pruning.h"

namespace coppice {

class SparseGptPruning : public Method {
 public:
  // `config.compensation` must hold SparseGptConfig.
  SparseGptPruning(PruneConfig config, FederationConfig federation, LossKind loss, Population population);

  std::string name() const override { return PruneConfig::kName; }
  std::int64_t total_steps() const override { return 1; }
  bool done(const State& state) const override;
  std::vector<RoundPlan> next_plans(const State& state) const override;
  StepRecord absorb(State& state, const std::vector<RoundPlan>& plans,
                    const std::vector<Answer>& answers) const override;

 private:
  PruneConfig config_;
  SparseGptConfig solver_;
  FederationConfig federation_;
  LossKind loss_;
  Population population_;
  ElementPattern pattern_;
};

// What it cannot do with a model and a pattern: InputError.
void check_sparse_gpt(const PruneConfig& config, const Model& model);

}  // namespace coppice
