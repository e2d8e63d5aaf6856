// A metric of one's own as a graph: (w, g, g^2, activation moment) -> score of a weight, written by torch.export.
//
// The file's program takes one float32 tensor [4, N] and returns [N]; row by row, for N weights of one tensor at a time:
//   w      the weight at which clients looked
//   g      sum_k sum_j g_kj / n          mean gradient over all samples of all clients
//   g^2    sum_k sum_b g_kb^2 / n_b / n  mean squared gradient; b runs over micro-batches of n_b samples (fisher.h)
//   a      sum_k sum_j x_kj^2 / n        second moment of the input that the weight multiplies; 1 where it is in no product
// A larger score is more important; scores are finite and >= 0. A unit's score is the sum over its weights, coarse and fine alike.
//
// The graph runs at the coordinator, on the exact sums, and not at the clients. A metric need not be additive: the sum over clients of
// f(w, g_k, ...) is not f of the pooled data, depends on how samples are dealt, and would let one client's noise in under every square
// and magnitude. The three sums are additive and signed, so the score is the one that all data in one place would have (ScoreForm::kSigned),
// on any number of ranks and under secure sums, and no code of another's making runs where the data lie. Hence nothing but the path
// travels; what fuses finished scores of clients (vote, rank, ...) is refused.
//
// Operations are those of imported networks (models/graph/operators.h); a metric has no weights. `digest` ties a config to the bytes.
// Cost: one backward pass; two accumulators of the size of the scored weights; up: these, and a number a column.
#pragma once

#include <string>

#include "algorithms/importance/custom_importance.h"

namespace coppice {

class GraphImportance final : public PassImportance {
 public:
  std::string path;
  std::string digest;  // of the file, 64 hexadecimal digits; empty: any

  void visit(FieldVisitor& v) override;
  void check() const override;  // the file is a metric

  std::unique_ptr<ImportanceEstimator> make_estimator(const Model& model, const ScoreRequest& request) const override;
  std::vector<ScoreBlock> blocks(const Model& model, const ScoreRequest& request) const override;
  UnitScores decode_units(const Model& model, const Arena& base, const ScoreRequest& request,
                          std::span<const std::vector<double>> sums) const override;
  ElementScores decode_elements(const Model& model, const Arena& base, const ScoreRequest& request,
                                std::span<const std::vector<double>> sums) const override;
};

}  // namespace coppice
