// What is measured of a model: sums over samples that clients may add up, and the figures that follow from the totals.
//
// Shapes: B batch, T tokens, V classes, labels or targets.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "models/losses.h"

namespace coppice {

// Scores are binned by their log-odds log(p / (1 - p)) in [-kScoreRange, kScoreRange], the ends collecting what lies beyond:
// a monotone map, hence without effect on AUROC, that keeps probabilities near 0 and 1 apart.
constexpr std::int64_t kScoreBins = 192;
constexpr double kScoreRange = 12.0;
constexpr std::int64_t kReliabilityBins = 15;
constexpr std::int64_t kMostClasses = 1000;  // above it neither confusion counts nor score histograms

// Additive. A sample with a logit that is not finite makes loss_sum NaN, counts as a miss and enters nothing else.
struct MeasureSums {
  MeasureSums(LossKind loss, std::int64_t num_outputs);

  void add(const at::Tensor& logits, const at::Tensor& targets);  // throws InputError as check_targets does
  MeasureSums& operator+=(const MeasureSums& other);              // of the same kind and outputs, else Error

  // All sums in the order of the fields below, as one additive block; from_flat throws InputError on another length or a
  // count that is none.
  std::vector<double> flat() const;
  static MeasureSums from_flat(LossKind loss, std::int64_t num_outputs, std::span<const double> values);

  LossKind kind;
  std::int64_t outputs;  // V
  double loss_sum = 0.0;
  std::int64_t count = 0;  // samples
  std::int64_t hits = 0;   // right classes, or right decisions on single labels (at p = 1/2); 0 for squared error and word costs
  std::vector<std::int64_t> confusion;          // classes: [truth, predicted]; labels: [label, truth, predicted]
  std::vector<std::int64_t> positives;          // [V, kScoreBins]: scores of a class or label where it is the truth
  std::vector<std::int64_t> negatives;          // [V, kScoreBins]: and where it is not
  std::vector<std::int64_t> reliability_count;  // [kReliabilityBins] of the confidence in what was predicted
  std::vector<std::int64_t> reliability_hits;
  std::vector<double> reliability_confidence;
  std::vector<double> errors;                   // squared error: [V, 4] = sums of error^2, |error|, target, target^2
};

// Each figure is absent where its sums are, or where it is undefined (no samples, a single class).
struct Metrics {
  std::optional<double> loss;      // mean over samples
  std::optional<double> accuracy;
  std::optional<double> macro_f1;  // mean over classes or labels that occur or are predicted
  // One against the rest, mean over classes or labels with both kinds of samples. Exact but for ties within a bin, which
  // count 1/2: off by at most half the chance that a positive and a negative share a bin.
  std::optional<double> auroc;
  std::optional<double> calibration_error;  // ECE, Guo et al. 2017, eq. 3
  std::optional<double> mean_squared_error;
  std::optional<double> mean_absolute_error;
  std::optional<double> r_squared;  // mean over targets that vary
  std::optional<double> perplexity;  // word costs: exp of the loss
};
Metrics metrics_of(const MeasureSums& sums);

// Whether an answer is right or wrong: not of squared error and word costs.
bool has_accuracy(LossKind kind);

// Right answers alone, for the progress of training; the rule of MeasureSums::hits, but of single labels the share of a sample's, so that
// over the samples it is the accuracy. 0 where there is none.
double hits_of(LossKind kind, const at::Tensor& logits, const at::Tensor& targets);

}  // namespace coppice
