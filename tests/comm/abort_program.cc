// The last rank fails with the exit code given as the argument; the others wait for it in a collective, as peers do.
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "comm/mpi/mpi_communicator.h"
#include "comm/mpi/mpi_environment.h"
#include "core/error.h"

namespace {

void run(int exit_code) {
  const auto comm = coppice::make_mpi_communicator();
  if (comm->rank() == comm->size() - 1) throw coppice::Error("failed on purpose", coppice::ExitCode{exit_code});
  std::array<std::int64_t, 4> buffer{};
  comm->all_reduce_sum(buffer);
}

}  // namespace

int main(int argc, char** argv) {
  const coppice::MpiEnvironment mpi;
  try {
    run(argc > 1 ? std::atoi(argv[1]) : 0);
  } catch (const coppice::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    coppice::abort_all(static_cast<int>(error.exit_code()));
  }
  return 0;
}
