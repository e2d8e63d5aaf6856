#include "simulations/main.h"

#include <ATen/Parallel.h>

#include <cstdio>
#include <filesystem>
#include <optional>

#include "algorithms/importance/graph_importance.h"
#include "comm/mpi/launcher.h"
#include "comm/mpi/mpi_environment.h"
#include "core/allocator.h"
#include "core/error.h"
#include "simulations/commands/commands.h"
#include "simulations/session.h"

namespace coppice {
namespace {

int run_command_line(int argc, char** argv, const std::string& name, const Extensions& extensions) {
  CLI::App app("Coppice prunes and fine-tunes one model over many owners of private data.", name);
  app.set_version_flag("--version", COPPICE_VERSION);
  app.require_subcommand(1);
  app.footer("Try: coppice check configs/quickstart.yaml; mpirun -n 2 coppice run configs/quickstart.yaml");
  int code = 0;
  add_run_command(app, extensions, code);
  add_sweep_command(app, extensions, code);
  add_check_command(app, extensions, code);
  add_init_command(app, extensions, code);
  add_prune_command(app, extensions, code);
  add_data_command(app, extensions, code);
  add_eval_command(app, extensions, code);
  add_topics_command(app, extensions, code);
  add_generate_command(app, code);
  add_bench_command(app, code);
  add_inspect_command(app, code);
  add_export_command(app, code);
  add_compare_command(app, code);
  add_list_command(app, code);
  add_new_command(app, code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int status = app.exit(error);
    return status == 0 ? 0 : static_cast<int>(ExitCode::kBadInput);
  }
  return code;
}

struct Ending {
  int code = 0;
  bool alone = false;  // the other ranks do not know of it
};

Ending guarded(int argc, char** argv, const std::string& name, const Extensions& extensions) {
  const auto say = [&name](const Error& error) {
    std::fprintf(stderr, "%s: %s\n", name.c_str(), error.what());
    return static_cast<int>(error.exit_code());
  };
  try {
    return {run_command_line(argc, argv, name, extensions), false};
  } catch (const JointRefusal& error) {
    return {say(error), false};
  } catch (const Stopped& error) {
    return {say(error), false};
  } catch (const Error& error) {
    return {say(error), true};
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: internal error: %s\n", name.c_str(), error.what());
    return {static_cast<int>(ExitCode::kDefect), true};
  }
}

}  // namespace

int main(int argc, char** argv, Extensions extensions) {
  pin_allocator();
  at::set_num_threads(1);
  extensions.add<GraphImportance>("graph");
  const std::string name = argc > 0 ? std::filesystem::path(argv[0]).filename().string() : "coppice";
  std::optional<MpiEnvironment> mpi;
  if (launched_by_mpirun()) {
    try {
      mpi.emplace();
    } catch (const Error& error) {
      std::fprintf(stderr, "%s: %s\n", name.c_str(), error.what());
      return static_cast<int>(error.exit_code());
    }
  }
  const Ending ending = guarded(argc, argv, name, extensions);
  // A rank that failed alone must not leave the others waiting in a collective.
  if (mpi && ending.alone) abort_all(ending.code);
  return ending.code;
}

}  // namespace coppice
