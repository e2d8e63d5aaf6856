// The closing figures of a run, from its last state.
#pragma once

#include <string>
#include <vector>

#include "algorithms/methods/devices.h"
#include "algorithms/methods/state.h"
#include "coordinator/report/run_summary.h"
#include "models/losses.h"

namespace coppice {

// What the state does not know of the run.
struct RunFacts {
  std::string name;
  std::int64_t seed = 0;
  std::string config_digest;
  std::map<std::string, std::string> fingerprint;
  DataFigures data;
  std::string pattern;                        // of the prune stage; "" where there was none
  std::string model_folder;                  // where the model came from; "" where the run made it
  std::vector<std::int64_t> sample_shape;     // of one example
  std::vector<double> mean, scale;            // (value - mean) / scale makes an input of it
  LossKind loss = LossKind::kCrossEntropy;
  std::map<std::string, double> seconds;      // of each stage
  ClientCostFigures client;
  std::vector<Device> devices;                // one a client, where they are known
  std::map<std::string, double> time_to_accuracy;
  std::map<std::string, double> level_bytes;
  std::int64_t peak_memory_bytes = 0;
  std::int64_t ranks = 1;
};

// Measures latencies on this thread; the run's other figures were measured in its rounds.
RunSummary summarize_run(const State& state, const RunFacts& facts);

}  // namespace coppice
