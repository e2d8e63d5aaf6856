// Fusion across granularity: one score a unit from a coarse estimate (of vectors) and a fine one (of single weights).
//
// After HyWIA / adaptive estimation fusion (arXiv 2403.10799) and SAAP (arXiv 2412.15127); the papers give the idea,
// the equations are ours. In each family of n units, with x~ = x / mean(x) and alpha the weight of coarse:
//   score_i = beta_F (alpha c~_i + (1 - alpha) f~_i)     [ / (1 + v_i) where `confidence` is set ]
//   fixed        alpha as given; 1 and 0 keep the order of coarse and of fine in the family
//   attention    T = [c~ - 1; f~ - 1] (2 x n), A = softmax_rows(T T^t / (tau n)), alpha = mean of A's first column:
//                more weight to the estimator that tells units apart; 0.5 where both are flat
//   uncertainty  alpha = v_f / (v_c + v_f), inverse variances; v = mean over units of the variance of c~ (f~) between
//                micro-batches
//   learned      alpha that least loss speaks for, found by gradients (algorithms/methods/fusion_learning.h)
//   adaptive     all of the above but learned are candidates; the one whose hard-pruned model has the least held-out loss is taken
//   beta_F       raw: mean of f in the family, its first-order magnitude, for global budgets; relative: 1
//   v_i          variance of the fused score between clients (coarse and fine taken as fully correlated)
// A family whose mean is zero says nothing: x~ = 1 there. Cost: O(units).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "core/config.h"
#include "models/prunable_structure.h"
#include "algorithms/fusion/client_fusion.h"
#include "algorithms/importance/scores.h"

namespace coppice {

struct FixedGranularity {
  static constexpr const char* kName = "fixed";
  double alpha = 0.5;  // weight of coarse, [0, 1]
  void visit(FieldVisitor& v);
};

struct AttentionGranularity {
  static constexpr const char* kName = "attention";
  double tau = 0.25;  // temperature
  void visit(FieldVisitor& v);
};

struct UncertaintyGranularity {
  static constexpr const char* kName = "uncertainty";
  void visit(FieldVisitor& v);
};

struct LearnedGranularity {
  static constexpr const char* kName = "learned";
  std::int64_t rounds = 50;
  double lr = 0.05;
  double first_temperature = 0.5;
  double last_temperature = 0.05;
  void visit(FieldVisitor& v);
};

struct AdaptiveGranularity {
  static constexpr const char* kName = "adaptive";
  std::vector<double> alphas = {0.0, 0.25, 0.5, 0.75, 1.0};
  bool attention = true;
  bool uncertainty = true;
  void visit(FieldVisitor& v);
};

// A rule that a program adds: an interface of core/extensions.h. score_i = beta_F of what it says; without `confidence`.
class GranularityFusion {
 public:
  using Interface = GranularityFusion;
  virtual ~GranularityFusion() = default;
  virtual void visit(FieldVisitor&) {}
  // One score a unit of a family, from its x~ (mean 1, >= 0).
  virtual std::vector<double> fuse(std::span<const double> coarse, std::span<const double> fine) const = 0;
};

using GranularityFusionConfig =
    std::variant<AdaptiveGranularity, FixedGranularity, AttentionGranularity, UncertaintyGranularity, LearnedGranularity,
                 Custom<GranularityFusion>>;

enum class ScoreScale : std::uint8_t { kRaw, kRelative };

// The `fusion:` group of a score stage.
struct FusionConfig {
  GranularityFusionConfig granularity = AdaptiveGranularity{};
  ClientFusionConfig clients = MeanFusion{};
  ScoreScale scale = ScoreScale::kRaw;
  bool confidence = false;
  double concentration = 0.0;  // of single weights (algorithms/fusion/concentration.h)
  void visit(FieldVisitor& v);
};

struct FusedScores {
  std::vector<double> scores;  // one a group
  std::vector<double> alphas;  // one a family; none of a rule that a program adds
};

// A single rule; `learned`: one alpha a family where the rule is that. Throws Error for adaptive (see candidates), InputError where a variance
// that the rule needs is missing.
FusedScores fuse(const FusionConfig& config, const PrunableStructure& structure, const UnitScores& scores,
                 std::span<const double> learned = {});

struct Candidate {
  std::string name;  // "alpha 0.25", "attention", "uncertainty"
  FusionConfig config;
};

// The single rules to choose from: all of adaptive's, or just the one given. With `scores`, adaptive leaves out
// uncertainty where no client had two micro-batches. Throws InputError where nothing is left.
std::vector<Candidate> candidates(const FusionConfig& config, const UnitScores* scores = nullptr);

// The position of the least loss; a loss that is not finite never wins, equal ones go to the first. Throws Error where
// none is finite.
std::size_t select_best(std::span<const double> losses);

// Whether clients must report variances (ScoreRequest::confidence).
bool needs_confidence(const FusionConfig& config);

}  // namespace coppice
