#include <memory>

#include "simulations/commands/commands.h"
#include "simulations/commands/launch.h"
#include "simulations/commands/named_source.h"
#include "simulations/prune_config.h"

namespace coppice {

void add_prune_command(CLI::App& app, const Extensions& extensions, int& code) {
  auto arguments = std::make_shared<PruneRequest>();
  auto data = std::make_shared<NamedSource>();
  CLI::App* command = app.add_subcommand("prune", "Prune one model on one machine, without a config");
  command->add_option("model", arguments->model, "folder with config.json and model.safetensors, or a .pt2 file (docs/imported_networks.md)")->required();
  command->add_option("--keep", arguments->keep, "kept fraction: of the FLOPs (channels) or of the weights")
      ->check(CLI::Range(0.0, 1.0));
  command->add_option("--data", data->name, "fashion-mnist, mnist-by-writer, cifar10, a .csv file or a folder of shards")
      ->required();
  add_target_options(*command, *data);
  command->add_option("--pattern", arguments->pattern, "channels, unstructured, N:M or RxC");
  command->add_option("--units", arguments->units, "kinds of units to cut, of those that the model has: layer")->delimiter(',');
  command->add_option("--seed", arguments->seed, "seed of everything random");
  command->add_option("--out", arguments->out, "folder to write to")->required();
  command->footer("Example:\n  coppice prune runs/quickstart-1a2b3c4d5e6f/model --keep 0.6 --data fashion-mnist --out runs/smaller");
  command->callback([arguments, data, &extensions, &code] {
    SessionOptions options;
    options.config_file = "coppice prune";
    options.command = "coppice prune ... with another --out";
    arguments->data = source_of(*data, extensions);
    code = launch(prune_config(*arguments), options);
  });
}

}  // namespace coppice
