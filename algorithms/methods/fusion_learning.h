// Learned fusion: each family's weight of the coarse score is moved to where what the budget takes costs the least loss, before the prune
// stage uses it.
//
// After HyWIA (arXiv:2403.10799), whose fusion is trained end to end; the equations are ours. With c~, f~ of fusion.h and alpha_F =
// sigmoid(a_F), a_F = 0 at first, in each family F that loses units
//   s_i     = alpha_F c~_i + (1 - alpha_F) f~_i
//   theta_F = the mean of the least s that the budget keeps and the largest that it takes
//   z_i     = sigmoid((s_i - theta_F) / T),   T from first_temperature to last_temperature, by the same factor every round
// In a round each client of the score stage's cohort looks at the model whose units put out z_i times what they did and sends, by the taylor
// score of consumers' weights, z_i dL/dz_i; the coordinator moves a_F by Adam (Kingma & Ba, ICLR 2015) along
//   dL/da_F = alpha_F (1 - alpha_F) sum_i (z_i dL/dz_i) (1 - z_i) / T (d_i - d_theta),   d = c~ - f~
// d_theta the mean d of theta's two units. Which units the budget keeps is found anew every round. Weights stay as they are, and samples
// are those that clients train on. A family that loses nothing keeps alpha_F = 1/2.
// Cost of a round: the model down, two numbers a vector of the consumers' weights up, one backward pass over the score stage's batches.
#pragma once

#include "algorithms/methods/pruning.h"

namespace coppice {

class FusionLearning : public Method {
 public:
  // The scores' fusion is LearnedGranularity; `prune` is the cut that they are for.
  FusionLearning(PruneConfig prune, ScoreConfig scores, FederationConfig federation, LossKind loss, Population population);

  std::string name() const override { return "fuse"; }
  std::int64_t total_steps() const override { return learned_.rounds; }
  bool done(const State& state) const override { return state.step >= learned_.rounds; }
  std::vector<RoundPlan> next_plans(const State& state) const override;
  StepRecord absorb(State& state, const std::vector<RoundPlan>& plans, const std::vector<Answer>& answers) const override;

 private:
  struct Gates;
  Gates gates_of(const State& state, const Model& model) const;

  PruneConfig prune_;
  ScoreConfig scores_;
  LearnedGranularity learned_;
  FederationConfig federation_;
  LossKind loss_;
  Population population_;
};

// alpha of each family as learned so far; empty where nothing was.
std::vector<double> learned_alphas(const State& state);

}  // namespace coppice
