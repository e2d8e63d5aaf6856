// The last rank fails with the exit code given as the argument, or is killed where the argument is "killed"; the others wait
// for it in a collective, as peers do.
#include <array>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

#include "core/error.h"
#include "comm/mpi/mpi_communicator.h"
#include "comm/mpi/mpi_environment.h"

namespace {

void run(const std::string& how) {
  const auto comm = coppice::make_mpi_communicator();
  if (comm->rank() == comm->size() - 1) {
    if (how == "killed") std::raise(SIGKILL);
    throw coppice::Error("failed on purpose", coppice::ExitCode{std::stoi(how)});
  }
  std::array<std::int64_t, 4> buffer{};
  comm->all_reduce_sum(buffer);
}

}  // namespace

int main(int argc, char** argv) {
  std::optional<coppice::MpiEnvironment> mpi;
  try {
    mpi.emplace();
    run(argc > 1 ? argv[1] : "1");
  } catch (const coppice::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    coppice::abort_all(static_cast<int>(error.exit_code()));
  }
  return 0;
}
