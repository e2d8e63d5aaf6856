#include "simulations/prune_config.h"

namespace coppice {

RunConfig prune_config(const PruneRequest& request) {
  RunConfig config;
  config.run.name = "prune";
  config.run.out = request.out;
  config.run.seed = request.seed;
  if (request.model.ends_with(".pt2")) {
    GraphConfig graph;
    graph.path = request.model;
    config.model = graph;
  } else {
    config.model = ModelFolderConfig{request.model};
  }
  config.data.source = request.data;
  config.data.partition = IidPartition{.clients = 1};
  config.federation.cohort = 1;
  ScoreConfig score;
  score.batches = 32;
  PruneConfig prune;
  prune.pattern = PatternText(request.pattern);
  prune.budget.floor = 0.05;
  prune.budget.units = request.units;
  prune.recalibration.batches = 32;
  const Pattern pattern = parse_pattern(request.pattern);
  if (pattern.kind == Pattern::Kind::kChannels) {
    prune.budget.budget.flops = request.keep;
  } else if (pattern.kind != Pattern::Kind::kNOfM) {
    prune.budget.budget.density = request.keep;
  }
  config.stages = {score, prune, ExportConfig{}};
  return config;
}

}  // namespace coppice
