#include <memory>

#include "core/config_yaml.h"
#include "simulations/commands/commands.h"
#include "simulations/commands/launch.h"

namespace coppice {
namespace {

struct RunArguments {
  std::string config;
  std::vector<std::string> overrides;
  std::string out;
  std::string resume = "never";
};

std::string command_to_resume(const std::string& program, const RunArguments& arguments) {
  std::string command = program + " run " + arguments.config;
  for (const std::string& item : arguments.overrides) command += " --set '" + item + "'";
  if (!arguments.out.empty()) command += " --out " + arguments.out;
  return command + " --resume=auto   (under mpirun if it was)";
}

}  // namespace

void add_run_command(CLI::App& app, const Extensions& extensions, int& code) {
  auto arguments = std::make_shared<RunArguments>();
  CLI::App* command = app.add_subcommand("run", "Run an experiment from its YAML config");
  command->add_option("config", arguments->config, "the config, for instance configs/quickstart.yaml")->required();
  command->add_option("--set", arguments->overrides, "override one setting: a.b=c; stages by name: stages.warmup.rounds=5")
      ->allow_extra_args(false);
  command->add_option("--out", arguments->out, "folder to write to (default: runs/<name>-<digest of the config>)");
  command
      ->add_option("--resume", arguments->resume,
                   "go on with the run in the folder: 'auto' also starts where there is none")
      ->expected(0, 1)
      ->default_str("always")
      ->check(CLI::IsMember({"never", "always", "auto"}));
  command->footer(
      "Examples:\n"
      "  mpirun -n 2 coppice run configs/quickstart.yaml\n"
      "  coppice run configs/quickstart.yaml --set run.seed=2 --set stages.warmup.rounds=10 --out runs/mine\n"
      "  coppice run configs/quickstart.yaml --resume=auto     # after a stop (exit code 3)");
  command->callback([arguments, command, &app, &extensions, &code] {
    const bool bare_resume = command->count("--resume") > 0 && arguments->resume == "never";
    SessionOptions options;
    options.config_file = arguments->config;
    options.command = command_to_resume(app.get_name(), *arguments);
    options.extensions = extensions;
    options.resume = bare_resume || arguments->resume == "always" ? Resume::kAlways
                     : arguments->resume == "auto"                ? Resume::kAuto
                                                                  : Resume::kNever;
    RunConfig config = read_config<RunConfig>(arguments->config, arguments->overrides, extensions);
    if (!arguments->out.empty()) config.run.out = arguments->out;
    code = launch(config, options);
  });
}

}  // namespace coppice
