// What a rank of a run will have in memory when it has most: known before the run, from the sizes of the model and one pass over
// three samples (simulations/pass_memory.h). A lower bound: what the heap keeps of earlier work is not counted (docs/decisions/memory.md).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "simulations/run_config.h"
#include "simulations/scenario.h"

namespace coppice {

struct MemoryPart {
  std::string what;
  std::uint64_t bytes = 0;
};

struct MemoryForecast {
  std::string when;               // the work that takes most: "training", "scoring", ...
  std::vector<MemoryPart> parts;  // of that moment, all in the resident set

  std::uint64_t bytes() const;
};

// Of this process, which plays `ranks` ranks as threads, the first of them the coordinator. `values` are what the run starts from, in
// memory as the data is.
MemoryForecast forecast_memory(const RunConfig& config, const ScenarioData& data, const ModelState& values, int ranks);

// InputError where that is more than the machine, or the control group of this process, has left.
void check_memory(const RunConfig& config, const ScenarioData& data, const ModelState& values, int ranks, const std::string& file);

}  // namespace coppice
