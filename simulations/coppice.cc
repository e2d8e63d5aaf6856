// The program: wires its commands together and turns every outcome into an exit code.
//   0 done, 1 a defect, 2 bad input, 3 stopped where a resume goes on.
#include <ATen/Parallel.h>

#include <cstdio>
#include <optional>

#include "comm/mpi/launcher.h"
#include "comm/mpi/mpi_environment.h"
#include "core/allocator.h"
#include "core/error.h"
#include "simulations/commands/commands.h"

namespace {

int run_command_line(int argc, char** argv) {
  CLI::App app("Coppice prunes and fine-tunes one model over many owners of private data.", "coppice");
  app.set_version_flag("--version", COPPICE_VERSION);
  app.require_subcommand(1);
  app.footer("Try: coppice check configs/quickstart.yaml; mpirun -n 2 coppice run configs/quickstart.yaml");
  int code = 0;
  coppice::add_run_command(app, code);
  coppice::add_sweep_command(app, code);
  coppice::add_check_command(app, code);
  coppice::add_init_command(app, code);
  coppice::add_prune_command(app, code);
  coppice::add_data_command(app, code);
  coppice::add_eval_command(app, code);
  coppice::add_generate_command(app, code);
  coppice::add_bench_command(app, code);
  coppice::add_inspect_command(app, code);
  coppice::add_export_command(app, code);
  coppice::add_compare_command(app, code);
  coppice::add_list_command(app, code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int status = app.exit(error);
    return status == 0 ? 0 : static_cast<int>(coppice::ExitCode::kBadInput);
  }
  return code;
}

int guarded(int argc, char** argv) {
  try {
    return run_command_line(argc, argv);
  } catch (const coppice::Error& error) {
    std::fprintf(stderr, "coppice: %s\n", error.what());
    return static_cast<int>(error.exit_code());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "coppice: internal error: %s\n", error.what());
    return static_cast<int>(coppice::ExitCode::kDefect);
  }
}

}  // namespace

int main(int argc, char** argv) {
  coppice::pin_allocator();
  at::set_num_threads(1);
  std::optional<coppice::MpiEnvironment> mpi;
  if (coppice::launched_by_mpirun()) {
    try {
      mpi.emplace();
    } catch (const coppice::Error& error) {
      std::fprintf(stderr, "coppice: %s\n", error.what());
      return static_cast<int>(error.exit_code());
    }
  }
  const int code = guarded(argc, argv);
  // A rank that failed alone must not leave the others waiting in a collective.
  if (mpi && code != 0 && code != static_cast<int>(coppice::ExitCode::kStopped)) coppice::abort_all(code);
  return code;
}
