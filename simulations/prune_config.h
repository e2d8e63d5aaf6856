// One model, one owner of data, one machine: score, cut, export, as a config.
#pragma once

#include <string>
#include <vector>

#include "simulations/run_config.h"

namespace coppice {

struct PruneRequest {
  std::string model;  // a model folder, or what torch.export wrote (.pt2)
  SourceConfig data;
  std::string out;
  double keep = 0.5;  // of the FLOPs (channels) or of the weights
  std::string pattern = "channels";
  std::vector<std::string> units;
  std::int64_t seed = 1;
};

// Throws InputError on an unknown pattern.
RunConfig prune_config(const PruneRequest& request);

}  // namespace coppice
