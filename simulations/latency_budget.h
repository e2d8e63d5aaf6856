// What a budget in latency needs before a run's first round: its table of times.
#pragma once

#include <string>

#include "models/model.h"
#include "simulations/run_config.h"

namespace coppice {

// `config` with the table of each prune stage that asks for latency: from the file that it names, else from `folder`/latency.json, else
// measured now and written there. `resumes`: what the run began with must still be there. Throws InputError with the key's path for
// a file that does not fit and for a budget out of reach.
RunConfig with_latencies(RunConfig config, const Model& model, const std::vector<std::int64_t>& sample_shape, const std::string& folder,
                         bool resumes, const std::string& file);

}  // namespace coppice
