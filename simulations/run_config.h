// The whole config of a run, as YAML writes it.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "algorithms/methods/custom_stage.h"
#include "algorithms/methods/federated_training.h"
#include "algorithms/methods/final_measurement.h"
#include "algorithms/methods/pretraining.h"
#include "algorithms/methods/pruning.h"
#include "algorithms/methods/scoring.h"
#include "data/augment.h"
#include "data/holdout.h"
#include "data/partition.h"
#include "data/source.h"
#include "models/model_config.h"

namespace coppice {

enum class Determinism : std::uint8_t { kWarn, kStrict };

struct RunSettings {
  std::string name = "run";
  std::int64_t seed = 1;
  std::string out;                  // empty: runs/<name>-<digest of the resolved config>
  std::int64_t ranks = 1;           // local threads where the program was not started by mpirun
  std::int64_t regions = 1;         // of ranks: sums are taken in each first
  std::int64_t checkpoint_every = 1;
  Determinism determinism = Determinism::kWarn;
  void visit(FieldVisitor& v);
};

struct DataSettings {
  SourceConfig source = FashionMnistSource{};
  PartitionConfig partition = DirichletPartition{};
  HoldoutConfig holdout;
  std::int64_t test_clients = 20;   // the test set in as many parts, so that ranks share evaluation; by-column: its own values
  std::string contract;             // a file; empty: the contract.json beside shards, where there is one
  bool label_counts = false;        // of each client, into the run's data.json
  std::vector<AugmentConfig> augment;
  void visit(FieldVisitor& v);
};

using StageConfig = std::variant<WarmupConfig, PretrainConfig, ScoreConfig, PruneConfig, BnSelectionConfig, FinetuneConfig, ExportConfig,
                                 Custom<Stage>>;

struct RunConfig {
  RunSettings run;
  ModelConfig model = Resnet8Config{};
  DataSettings data;
  FederationConfig federation;
  std::vector<StageConfig> stages;
  void visit(FieldVisitor& v);
};

// The digest of everything that decides a run's bits: all of the config but where it writes, how often, on how many ranks and
// in how much memory.
std::string config_digest(const RunConfig& config);

// The folder the run writes to.
std::string output_folder(const RunConfig& config);

// Contradictions between settings, found without data; throws InputError.
void check_settings(const RunConfig& config, const std::string& file);

}  // namespace coppice
