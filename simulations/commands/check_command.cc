#include <cstdio>
#include <memory>

#include "core/config_yaml.h"
#include "simulations/commands/commands.h"
#include "simulations/run_forecast.h"

namespace coppice {
namespace {

struct CheckArguments {
  std::string config;
  std::vector<std::string> overrides;
  int ranks = 1;
};

}  // namespace

void add_check_command(CLI::App& app, const Extensions& extensions, int& code) {
  auto arguments = std::make_shared<CheckArguments>();
  CLI::App* command = app.add_subcommand("check", "Validate a config and print what a run of it costs");
  command->add_option("config", arguments->config, "the config")->required();
  command->add_option("--set", arguments->overrides, "override one setting: a.b=c")->allow_extra_args(false);
  command->add_option("--ranks", arguments->ranks, "ranks it is to run on")->check(CLI::PositiveNumber);
  command->footer("Example:\n  coppice check configs/quickstart.yaml --set federation.cohort=20");
  command->callback([arguments, &extensions, &code] {
    const auto config = read_config<RunConfig>(arguments->config, arguments->overrides, extensions);
    const CheckedRun run = RunChecker().check(config, arguments->ranks, arguments->config);
    const RunForecast forecast = forecast_run(config, run);
    std::printf("%s%s is valid; a run writes to %s\n", forecast.text().c_str(), arguments->config.c_str(), forecast.out.c_str());
    code = 0;
  });
}

}  // namespace coppice
