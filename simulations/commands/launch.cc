#include "simulations/commands/launch.h"

#include "comm/local/local_communicator.h"
#include "comm/mpi/launcher.h"
#include "comm/mpi/mpi_communicator.h"

namespace coppice {

int launch(const RunConfig& config, const SessionOptions& options) {
  if (launched_by_mpirun()) {
    const auto comm = make_mpi_communicator();
    return run_session(config, options, *comm);
  }
  int code = 0;
  run_local_ranks(static_cast<int>(config.run.ranks), [&](Communicator& comm) {
    const int mine = run_session(config, options, comm);
    if (comm.rank() == 0) code = mine;
  });
  return code;
}

}  // namespace coppice
