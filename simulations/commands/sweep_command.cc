#include <memory>
#include <sstream>

#include "comm/mpi/launcher.h"
#include "core/allocator.h"
#include "core/error.h"
#include "simulations/commands/commands.h"
#include "simulations/sweep/sweep_runner.h"

namespace coppice {
namespace {

struct SweepArguments {
  std::string sweep;
  std::vector<std::string> overrides;
  std::string out;
  std::string launcher;
  SweepOptions options;
  bool no_run = false;
};

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

std::string command_to_resume(const std::string& program, const SweepArguments& arguments) {
  std::string command = program + " sweep " + arguments.sweep;
  for (const std::string& item : arguments.overrides) command += " --set '" + item + "'";
  if (!arguments.out.empty()) command += " --out " + arguments.out;
  if (arguments.options.jobs > 1) command += " --jobs " + std::to_string(arguments.options.jobs);
  if (!arguments.launcher.empty()) command += " --launcher '" + arguments.launcher + "'";
  return command;
}

}  // namespace

void add_sweep_command(CLI::App& app, const Extensions& extensions, int& code) {
  auto arguments = std::make_shared<SweepArguments>();
  CLI::App* command = app.add_subcommand("sweep", "Run a grid of configs, overrides and seeds, and tabulate it; the same command goes on");
  command->add_option("sweep", arguments->sweep, "the sweep, for instance configs/sweeps/static_masks.yaml")->required();
  command->add_option("--set", arguments->overrides, "override one setting of every run: a.b=c")->allow_extra_args(false);
  command->add_option("--out", arguments->out, "folder to write to (default: sweeps/<name>)");
  command->add_option("--jobs", arguments->options.jobs, "runs side by side")->check(CLI::Range(1, 1024));
  command->add_option("--launcher", arguments->launcher, "what starts each run's ranks, for instance 'mpirun -n 4'");
  command->add_flag("--no-run", arguments->no_run, "check every run and tabulate those that are done, but start none");
  command->footer(
      "Examples:\n"
      "  coppice sweep configs/sweeps/static_masks.yaml --jobs 2\n"
      "  coppice sweep configs/sweeps/static_masks.yaml --launcher 'mpirun -n 4' --set stages.warmup.rounds=10");
  command->callback([arguments, &app, &extensions, &code] {
    if (launched_by_mpirun()) {
      throw InputError("coppice sweep: found it under mpirun; it starts that for each run: expected --launcher 'mpirun -n " +
                       std::to_string(launched_processes()) + "'");
    }
    const SweepFile sweep = read_sweep(arguments->sweep);
    const SweepPlan plan = plan_sweep(sweep, arguments->overrides, extensions);
    check_rows(plan);
    trim_heap();
    SweepOptions options = arguments->options;
    options.out = arguments->out.empty() ? sweep.settings.out : arguments->out;
    options.launcher = words_of(arguments->launcher);
    options.command = command_to_resume(app.get_name(), *arguments);
    options.starts_runs = !arguments->no_run;
    code = run_sweep(sweep, plan, options);
  });
}

}  // namespace coppice
