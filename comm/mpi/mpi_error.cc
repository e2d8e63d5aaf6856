#include "comm/mpi/mpi_error.h"

#include <mpi.h>
#if __has_include(<mpi-ext.h>)
#include <mpi-ext.h>
#endif

#include <atomic>
#include <string>

#include "core/error.h"

namespace coppice {
namespace {

std::atomic<bool> lost_a_peer = false;

bool is_lost_peer([[maybe_unused]] int error_class) {
#ifdef MPIX_ERR_PROC_FAILED
  return error_class == MPIX_ERR_PROC_FAILED || error_class == MPIX_ERR_PROC_FAILED_PENDING ||
         error_class == MPIX_ERR_REVOKED;
#else
  return false;
#endif
}

}  // namespace

bool peer_was_lost() { return lost_a_peer; }

void check_mpi(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  int error_class = MPI_ERR_UNKNOWN;
  MPI_Error_string(code, text, &length);
  MPI_Error_class(code, &error_class);
  const std::string message = std::string(call) + ": " + std::string(text, static_cast<std::size_t>(length));
  if (is_lost_peer(error_class)) {
    lost_a_peer = true;
    throw Stopped("a rank was lost: " + message);
  }
  throw Error(message);
}

}  // namespace coppice
