// How a round of federated training is done; shared by all training stages of a run.
#pragma once

#include <cstdint>
#include <variant>

#include "algorithms/aggregation/server_config.h"
#include "algorithms/exchange/plan.h"
#include "algorithms/methods/devices.h"
#include "algorithms/methods/submodel_config.h"
#include "algorithms/training/optimizer_config.h"
#include "core/config.h"

namespace coppice {

struct LocalConfig {
  std::int64_t epochs = 1;
  std::int64_t batch = 32;
  BatchRule::Last last = BatchRule::Last::kDropUnlessOnly;
  std::int64_t max_steps = 0;
  double prox_mu = 0.0;
  double clip_norm = 0.0;
  bool recompute = false;
  bool selective = false;  // FL-PQSU's selective updating (client/selective_updating.h)
  void visit(FieldVisitor& v);
};

// The weighted mean of all reports, from sums alone.
struct MeanAggregation {
  static constexpr const char* kName = "mean";
  void visit(FieldVisitor&) {}
};

// Krum and multi-Krum (Blanchard et al. 2017): needs each client's report by itself, hence no secure aggregation.
struct KrumAggregation {
  static constexpr const char* kName = "krum";
  std::int64_t byzantine = 1;  // f; needs cohort >= 2f + 3
  std::int64_t select = 1;     // m; 1 = Krum
  void visit(FieldVisitor& v);
};

// Clients' changes divided by their effective steps (algorithms/aggregation/fednova.h).
struct FedNovaAggregation {
  static constexpr const char* kName = "fednova";
  void visit(FieldVisitor&) {}
};

// Passes that score and measure.
struct EvaluationConfig {
  Precision precision = Precision::kF32;
  std::int64_t batch = 256;   // samples of a measuring pass
  void visit(FieldVisitor& v);
};

using AggregationConfig = std::variant<MeanAggregation, KrumAggregation, FedNovaAggregation>;

enum class Correction : std::uint8_t { kNone, kScaffold };

struct FederationConfig {
  std::int64_t cohort = 10;
  LocalConfig local;
  OptimizerConfig optimizer = SgdConfig{.lr = 0.05, .momentum = 0.9};
  ServerConfig server = FedAvgConfig{};
  AggregationConfig aggregation = MeanAggregation{};
  Correction correction = Correction::kNone;
  SubmodelConfig submodels = WholeModels{};
  DevicesConfig devices = NoDevices{};
  Release::Weight weight = Release::Weight::kSamples;
  Release::Wire wire = Release::Wire::kF32;
  Precision precision = Precision::kF32;
  EvaluationConfig evaluation;
  double quorum = 0.5;        // a round with a smaller fraction of accepted reports changes nothing
  double divergence = 4.0;    // a round whose loss exceeds this multiple of what was reached (divergence.h) is rolled back; 0 = never
  void visit(FieldVisitor& v);
};

}  // namespace coppice
