// What `coppice check` finds wrong with a config before anything is computed, for one config or for many.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "algorithms/methods/state.h"
#include "data/loaded_data.h"
#include "models/model.h"
#include "simulations/scenario.h"

namespace coppice {

struct CheckedRun {
  ScenarioData data;
  State state;
  std::unique_ptr<Model> model;
  std::shared_ptr<const ClientData> public_data;  // of the coordinator; null: it trains on nothing
};

class RunChecker {
 public:
  // Throws InputError, beginning with `file` where a setting is to blame. Data of the last source is kept for the next config.
  CheckedRun check(const RunConfig& config, int ranks, const std::string& file);

 private:
  std::string source_;
  LoadedData loaded_;
};

}  // namespace coppice
