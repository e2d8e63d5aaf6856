#include "comm/mpi/mpi_environment.h"

#include <mpi.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include "core/error.h"
#include "comm/mpi/launcher.h"
#include "comm/mpi/mpi_error.h"

namespace coppice {
namespace {

std::string library_version() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  MPI_Get_library_version(text, &length);
  const std::string version(text, static_cast<std::size_t>(length));
  return version.substr(0, version.find_first_of(",\n"));
}

}  // namespace

MpiEnvironment::MpiEnvironment() {
  int provided = MPI_THREAD_SINGLE;
  check_mpi(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided), "MPI_Init_thread");
  int size = 0;
  check_mpi(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  check_mpi(MPI_Comm_size(MPI_COMM_WORLD, &size), "MPI_Comm_size");

  std::string problem;
  if (provided < MPI_THREAD_FUNNELED) {
    problem = "MPI offers thread level SINGLE, expected at least FUNNELED (" + library_version() + ")";
  } else if (size < launched_processes()) {
    problem = "started as one of " + std::to_string(launched_processes()) + " processes, but MPI sees " +
              std::to_string(size) + ": the launcher does not belong to the MPI this program was built with (" +
              library_version() + "); use that MPI's mpirun, or srun with its process manager (--mpi=pmix)";
  }
  if (problem.empty()) return;
  MPI_Finalize();
  throw InputError(problem);
}

MpiEnvironment::~MpiEnvironment() {
  if (std::uncaught_exceptions() > 0) abort_all(static_cast<int>(ExitCode::kDefect));
  MPI_Finalize();
}

void abort_all(int exit_code) {
  std::fflush(nullptr);
  int initialized = 0;
  int finalized = 0;
  MPI_Initialized(&initialized);
  MPI_Finalized(&finalized);
  // After a loss every survivor comes here by itself. Aborts of several at once race in the launcher of Open MPI 5, which then hangs or
  // returns 0; plain exits do not.
  if (initialized != 0 && finalized == 0 && !peer_was_lost()) MPI_Abort(MPI_COMM_WORLD, exit_code);
  std::_Exit(exit_code);
}

}  // namespace coppice
