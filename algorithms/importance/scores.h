// What importance is measured on, and the additive numbers that carry it from clients to the coordinator.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace coppice {

enum class ScoreTarget : std::uint8_t {
  kUnits,     // the groups of the prunable structure: channels, neurons, heads
  kElements,  // single weights of the pattern matrices
};

// In which form a client's scores are summed.
//
// kSigned: sums over samples that mean the same as if all data lay in one place; absolute values and roots are taken at
//   the coordinator. |sum_k sum_j w g_k| of a filter is its first-order effect on the pooled loss; sum_k |sum_j w g_k|
//   is not. (One exception: the fine scores of units are sums of clients' magnitudes in either form.)
// kLocal: non-negative scores, finished at the client; what normalising, voting and ranking need.
enum class ScoreForm : std::uint8_t { kSigned, kLocal };

struct ScoreRequest {
  ScoreTarget target = ScoreTarget::kUnits;
  ScoreForm form = ScoreForm::kSigned;
  bool confidence = false;  // kUnits: also variances between micro-batches and between clients
  bool edge = false;        // kElements: first and last layer too
};

enum class ScoreRole : std::uint8_t {
  kScore,       // a numerator; client fusion transforms and weights it
  kConfidence,  // moments of scores with denominators of their own; never weighted
  kWeight,      // the numerators' common denominator: the number of samples, or what client fusion makes of it
};

// One named run of numbers in a client's report.
struct ScoreBlock {
  std::string name;
  std::int64_t count = 0;
  ScoreRole role = ScoreRole::kScore;
  std::vector<std::int64_t> families = {};  // kLocal scores: sizes of the runs that compete; they sum to `count`
  int set = 0;                              // scores of one set are on one scale: 0 = coarse or elements, 1 = fine

  bool operator==(const ScoreBlock&) const = default;
};

// One value a group of the structure. Variances are of family-normalised scores (mean 1 in each family) and empty where
// they were not asked for, or where nothing can be said (one micro-batch a client; one client).
struct UnitScores {
  std::vector<double> coarse = {};           // of whole vectors; per sample, >= 0
  std::vector<double> fine = {};             // of single weights, summed; per sample, >= 0
  std::vector<double> coarse_variance = {};  // between the micro-batches of a client, pooled over clients
  std::vector<double> fine_variance = {};
  std::vector<double> coarse_client_variance = {};  // between clients
  std::vector<double> fine_client_variance = {};
  double weight = 0.0;  // what was divided by: samples, unless client fusion weighted otherwise
};

}  // namespace coppice
