// Importance that a program adds: an interface of core/extensions.h in three forms, the least to write first.
//
//   WeightImportance    a score for each weight, from the weights alone: made at the coordinator, nothing travels
//   GradientImportance  a function of each weight and its gradient, summed over micro-batches at the client
//   PassImportance      an estimator of one's own
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "core/config.h"
#include "models/arena.h"
#include "models/model.h"
#include "algorithms/importance/estimator.h"
#include "algorithms/importance/gradient_rule.h"
#include "algorithms/importance/scores.h"

namespace coppice {

class Importance {
 public:
  using Interface = Importance;
  virtual ~Importance() = default;
  virtual void visit(FieldVisitor&) {}
  // Whether only single weights have it: pattern channels is then refused.
  virtual bool scores_elements_alone() const { return false; }
  // Throws InputError where what its settings name cannot be used: at the coordinator, before anything is computed.
  virtual void check() const {}
};

class WeightImportance : public Importance {
 public:
  // One score for each weight of one matrix, >= 0, row-major. A unit's score is the sum over its weights.
  virtual std::vector<float> scores(const ArenaEntry& matrix, std::span<const float> weights) const = 0;
};

// What stands for w g (gradient_rule.h), with the rule first = 1: s = sum of it, |s| the score of a weight, |sum s| of a vector.
class GradientImportance : public Importance, public GradientProduct {};

class PassImportance : public Importance {
 public:
  virtual std::unique_ptr<ImportanceEstimator> make_estimator(const Model& model, const ScoreRequest& request) const = 0;
  // What an estimator reports, from model and request alone; the last is {"weight", 1, ScoreRole::kWeight}.
  virtual std::vector<ScoreBlock> blocks(const Model& model, const ScoreRequest& request) const = 0;
  // Read the sum of all clients' blocks, whose sizes have been checked. `base`: the weights at which clients looked.
  virtual UnitScores decode_units(const Model& model, const Arena& base, const ScoreRequest& request,
                                  std::span<const std::vector<double>> sums) const = 0;
  virtual ElementScores decode_elements(const Model& model, const Arena& base, const ScoreRequest& request,
                                        std::span<const std::vector<double>> sums) const = 0;
};

}  // namespace coppice
