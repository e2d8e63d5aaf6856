// A run small enough for a test, on the program's own ranks, workers and loop: rows of features that clients own one after the other.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "algorithms/methods/federated_training.h"
#include "client/client_data.h"
#include "coordinator/run.h"

namespace coppice::test {

// Client k owns the next `samples[k]` rows of x, [N, inputs] row-major.
std::shared_ptr<const ClientData> feature_clients(std::int64_t inputs, std::int64_t outputs, const std::vector<double>& x,
                                                  const std::vector<std::int32_t>& classes,
                                                  const std::vector<std::int64_t>& samples);

struct RunLog {
  std::vector<StepRecord> records;
  std::vector<StepCost> costs;
};

// Runs the stages on `state` to their end, or until `steps` more are committed. `stores`: where clients keep what they keep; "": nowhere.
// `own`: what the coordinator trains on by itself.
RunLog run_stages(const std::vector<std::unique_ptr<Method>>& stages, State& state, const std::shared_ptr<const ClientData>& data,
                  int ranks = 1, std::int64_t steps = 1000, const std::vector<Device>& devices = {}, const std::string& stores = "",
                  const std::shared_ptr<const ClientData>& own = nullptr);

// The state as another process would find it: saved to a checkpoint and loaded from it.
State reloaded(const State& state);

}  // namespace coppice::test
