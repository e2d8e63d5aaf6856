// Stands in for mpi_environment.cc and mpi_communicator.cc where COPPICE_MPI is OFF.
#include <cstdio>
#include <cstdlib>

#include "core/error.h"
#include "comm/mpi/mpi_communicator.h"
#include "comm/mpi/mpi_environment.h"

namespace coppice {
namespace {

[[noreturn]] void refuse() {
  throw InputError(
      "this program was built without MPI (COPPICE_MPI=OFF): run it without a launcher, or build it with MPI");
}

}  // namespace

MpiEnvironment::MpiEnvironment() { refuse(); }
MpiEnvironment::~MpiEnvironment() = default;

std::unique_ptr<Communicator> make_mpi_communicator(std::size_t /*chunk_bytes*/) { refuse(); }

void abort_all(int exit_code) {
  std::fflush(nullptr);
  std::_Exit(exit_code);
}

}  // namespace coppice
