#include <cstdio>
#include <memory>

#include "core/config_yaml.h"
#include "data/inspect.h"
#include "simulations/commands/commands.h"
#include "simulations/commands/named_source.h"
#include "simulations/scenario.h"

namespace coppice {
namespace {

struct InspectArguments {
  std::string what;
  std::vector<std::string> overrides;
  bool json = false;
  std::int64_t clients = 20;
};

}  // namespace

void add_data_command(CLI::App& app, const Extensions& extensions, int& code) {
  CLI::App* data = app.add_subcommand("data", "Look at data sets");
  data->require_subcommand(1);
  auto arguments = std::make_shared<InspectArguments>();
  CLI::App* inspect = data->add_subcommand("inspect", "Counts, classes and a histogram for each client");
  inspect->add_option("what", arguments->what, "a config (its data section is read) or a data set by name, file or folder")
      ->required();
  inspect->add_option("--set", arguments->overrides, "override one setting of the config: a.b=c")->allow_extra_args(false);
  inspect->add_option("--clients", arguments->clients, "most clients to list")->check(CLI::NonNegativeNumber);
  inspect->add_flag("--json", arguments->json, "for machines");
  inspect->footer("Example:\n  coppice data inspect configs/quickstart.yaml --set data.partition.alpha=0.1");
  inspect->callback([arguments, &extensions, &code] {
    DataSummary summary;
    if (arguments->what.ends_with(".yaml") || arguments->what.ends_with(".yml")) {
      const auto config = read_config<RunConfig>(arguments->what, arguments->overrides, extensions);
      const LoadedData loaded = load_data(config.data.source);
      summary = summarize(loaded, make_partition(config.data.partition, *loaded.train, run_seed(config)), arguments->clients);
    } else {
      summary = summarize(load_data(named_source(arguments->what, extensions)));
    }
    std::fputs((arguments->json ? to_json(summary) : to_text(summary)).c_str(), stdout);
    code = 0;
  });
}

}  // namespace coppice
