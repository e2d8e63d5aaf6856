// Several runs against each other: means per arm, and differences paired by seed.
//
// Runs of the same label and different seeds are one arm a variant. A difference is taken run by run between equal
// seeds (same data split, same cohorts), so what the seed moves cancels:
//   d_s = a_s - b_s,   mean = sum d_s / n,   standard error = sqrt( sum (d_s - mean)^2 / (n - 1) / n )
// No standard error for n = 1. Seeds that only one side has are left out of the difference, and n says how many remain.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/report/run_summary.h"

namespace coppice {

struct LabelledRun {
  std::string label;   // the run's name, or what the person called it
  std::string folder;  // for messages
  RunSummary summary;
};

// Each argument is a run's folder, or LABEL=FOLDER. Throws InputError.
std::vector<LabelledRun> read_runs(const std::vector<std::string>& arguments);

struct CompareOptions {
  std::vector<std::string>
      variants;          // those to compare; empty = all where every run has one label, else each run's result
  std::string baseline;  // the arm that differences are taken against; empty = the first
  std::map<std::string, std::string> baseline_of = {};  // arms that have another one: arm -> its baseline
};

struct MeanAndError {
  std::int64_t count = 0;             // runs, or pairs
  double mean = kNoFigure;            // NaN for count = 0
  double standard_error = kNoFigure;  // NaN for count < 2

  // More than two standard errors away from zero: what may be claimed.
  bool is_clear() const;
};

MeanAndError mean_and_error(const std::vector<double>& values);

enum class QuantityUnit : std::uint8_t { kFraction, kNumber, kCount, kBytes, kMilliseconds, kSeconds };

struct Quantity {
  std::string name;  // "accuracy", "ms, batch 1", ...
  QuantityUnit unit = QuantityUnit::kNumber;
  bool of_run = false;  // of the run that made the model rather than of the model
};

struct ComparedArm {
  std::string name;                        // "label / variant", or only what tells the arms apart
  std::size_t baseline = 0;                // index into the comparison's arms; its own: no difference is taken
  std::vector<std::int64_t> seeds;         // ascending
  std::vector<std::int64_t> paired_seeds;  // those the baseline has too
  std::vector<MeanAndError> values;        // one a quantity
  std::vector<MeanAndError> differences;   // this arm minus the baseline, one a quantity
};

struct Comparison {
  std::vector<Quantity> quantities;
  std::vector<ComparedArm> arms;   // in the order of the arguments
  std::size_t baseline = 0;        // index into arms
  std::vector<std::string> notes;  // what a reader must know: other data, arms without a common seed

  bool has_one_baseline() const;                        // or arms are compared with different ones
  std::size_t index_of(std::string_view quantity) const;  // quantities.size() where no run has it
};

// Throws InputError for no run, two runs of one label and seed, an unknown variant or baseline.
Comparison compare_runs(const std::vector<LabelledRun>& runs, const CompareOptions& options);

}  // namespace coppice
