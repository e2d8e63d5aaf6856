// The prune stage: scores and a budget become the shared mask, and channels are removed for good.
//
// Candidates come from the granularity rules of the score stage (adaptive names several, the others one). Channel masks slice
// the track "model" into a smaller one, and a later cut goes on from there, its budget still a part of the uncut model; element masks
// stay on it, and a later one drops more. The uncut model goes on as the track "dense".
#pragma once

#include "algorithms/budget/budget.h"
#include "algorithms/compensation/compensation_config.h"
#include "algorithms/masking/pattern.h"
#include "algorithms/methods/federated_training.h"
#include "algorithms/methods/mask_selection.h"
#include "algorithms/methods/scoring.h"

namespace coppice {

struct PruneConfig {
  static constexpr const char* kName = "prune";
  PatternConfig pattern;
  bool edge = false;               // n:m and r x c: also the first and last layer
  std::int64_t steps = 1;          // cuts on the way to the budget, each after scores of its own
  std::int64_t rounds = 0;         // of training between two steps
  double memory = 0.0;             // share of the scores that a step went by which the next adds to its own; 1 = all scores so far
  BudgetConfig budget;
  CompensationConfig compensation;
  RecalibrationConfig recalibration;
  void visit(FieldVisitor& v);
};

class Pruning : public MaskSelection {
 public:
  Pruning(PruneConfig config, ScoreConfig scores, FederationConfig federation, LossKind loss, Population population);
  std::string name() const override { return PruneConfig::kName; }

 protected:
  std::vector<CandidateMask> candidates(const State& state) const override;
  std::vector<ParamId> compensated_matrices(const Model& model) const override;
  const SlorbConfig* boosters() const override { return std::get_if<SlorbConfig>(&config_.compensation); }
  void remember(State& state) const override;

 private:
  std::vector<CandidateMask> unit_candidates(const State& state, const Model& model, const Arena& base) const;
  std::vector<CandidateMask> element_candidates(const State& state, const Model& model, const Arena& base) const;

  PruneConfig config_;
  ScoreConfig scores_;
  Pattern pattern_;
};

// The cut number `step` of config.steps, counted from 1. Of units the removed fractions grow linearly (LLM-Pruner's iterative pruning); of
// single weights the kept fraction falls as d + (1 - d) (1 - step / steps)^3 to the budget d (Zhu and Gupta 2017, "To prune, or not to
// prune", equation 1, from dense), and none that was dropped comes back. Its scores are those of the model as the step before left it; with a memory m, s_t = own_t + m s_(t-1): gradients times weights accumulate over
// the training rounds between the steps, as a schedule that prunes while it trains wants it (arXiv 2311.00314: slowly, over the whole
// training, or fast, in its first rounds).
PruneConfig step_of(const PruneConfig& config, std::int64_t step);

// What the score stage before left of the units of the track "model", with the memory of earlier steps.
UnitScores unit_scores_of(const PruneConfig& prune, const ScoreConfig& config, const State& state, const Model& model);

// Which units of that track a budget keeps, one byte a unit; an earlier cut counts.
std::vector<std::uint8_t> kept_units(const State& state, const Model& model, std::span<const double> scores, const BudgetConfig& budget);

// The training that lies between two steps.
FinetuneConfig training_between(const PruneConfig& config);

// Units for channels, single weights for every other pattern.
ScoreTarget target_of(const Pattern& pattern);
// The stage's pattern; unstructured always covers the first and last layer, too. Throws InputError where it is none.
ElementPattern element_pattern(const PruneConfig& config);

// FedTiny's adaptive batch-norm selection (Huang et al. 2023, section IV-A): candidate masks from perturbed layer densities,
// judged by the clients' loss, on samples they hold out, after batch-norm recalibration. Data, labels and gradients stay with the clients.
struct BnSelectionConfig {
  static constexpr const char* kName = "bn_selection";
  double density = 0.05;
  double epsilon = 0.05;           // layer densities are perturbed by U(-epsilon, epsilon)
  enum class Allocation : std::uint8_t { kUniform, kErk } allocation = Allocation::kUniform;  // what is perturbed
  std::int64_t candidates = 5;
  // Over clients: of all samples, by the law of total variance, or as published the mean of the clients' own, without the spread between them.
  enum class Variance : std::uint8_t { kPooled, kMean } variance = Variance::kPooled;
  RecalibrationConfig recalibration;
  void visit(FieldVisitor& v);
};

// The candidates of the stage, on a model with the values `base`. Throws InputError where the density is out of reach.
std::vector<Mask> masks_to_select(const BnSelectionConfig& config, const Model& model, const Arena& base, Seed seed);

class BnSelection : public MaskSelection {
 public:
  BnSelection(BnSelectionConfig config, FederationConfig federation, LossKind loss, Population population);
  std::string name() const override { return BnSelectionConfig::kName; }

 protected:
  std::vector<CandidateMask> candidates(const State& state) const override;
  bool pools_variance() const override { return config_.variance == BnSelectionConfig::Variance::kPooled; }

 private:
  BnSelectionConfig config_;
};

}  // namespace coppice
