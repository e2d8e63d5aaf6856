#include <memory>

#include "core/error.h"
#include "simulations/commands/commands.h"
#include "simulations/commands/launch.h"
#include "simulations/commands/named_source.h"

namespace coppice {
namespace {

struct PruneArguments {
  std::string model;
  std::string data;
  std::string out;
  double keep = 0.5;
  std::string pattern = "channels";
  std::vector<std::string> units;
  std::int64_t seed = 1;
};

// One owner of data, one machine: score, cut, export.
RunConfig config_for(const PruneArguments& arguments, const Extensions& extensions) {
  RunConfig config;
  config.run.name = "prune";
  config.run.out = arguments.out;
  config.run.seed = arguments.seed;
  config.model = ModelFolderConfig{arguments.model};
  config.data.source = named_source(arguments.data, extensions);
  config.data.partition = IidPartition{.clients = 1};
  config.federation.cohort = 1;
  ScoreConfig score;
  score.batches = 32;
  PruneConfig prune;
  prune.pattern = PatternText(arguments.pattern);
  prune.budget.floor = 0.05;
  prune.budget.units = arguments.units;
  prune.recalibration.batches = 32;
  const Pattern pattern = parse_pattern(arguments.pattern);
  if (pattern.kind == Pattern::Kind::kChannels) {
    prune.budget.budget.flops = arguments.keep;
  } else if (pattern.kind != Pattern::Kind::kNOfM) {
    prune.budget.budget.density = arguments.keep;
  }
  config.stages = {score, prune, ExportConfig{}};
  return config;
}

}  // namespace

void add_prune_command(CLI::App& app, const Extensions& extensions, int& code) {
  auto arguments = std::make_shared<PruneArguments>();
  CLI::App* command = app.add_subcommand("prune", "Prune one model on one machine, without a config");
  command->add_option("model", arguments->model, "folder with config.json and model.safetensors")->required();
  command->add_option("--keep", arguments->keep, "kept fraction: of the FLOPs (channels) or of the weights")
      ->check(CLI::Range(0.0, 1.0));
  command->add_option("--data", arguments->data, "fashion-mnist, mnist-by-writer, cifar10, a .csv file or a folder of shards")
      ->required();
  command->add_option("--pattern", arguments->pattern, "channels, unstructured, N:M or RxC");
  command->add_option("--units", arguments->units, "kinds of units to cut, of those that the model has: layer")->delimiter(',');
  command->add_option("--seed", arguments->seed, "seed of everything random");
  command->add_option("--out", arguments->out, "folder to write to")->required();
  command->footer("Example:\n  coppice prune runs/quickstart-1a2b3c4d5e6f/model --keep 0.6 --data fashion-mnist --out runs/smaller");
  command->callback([arguments, &extensions, &code] {
    SessionOptions options;
    options.config_file = "coppice prune";
    options.command = "coppice prune ... with another --out";
    code = launch(config_for(*arguments, extensions), options);
  });
}

}  // namespace coppice
