// The lifetime of MPI in this process, and the way out that leaves no peer hanging.
#pragma once

namespace coppice {

// Initialises MPI at level FUNNELED (only the thread that made this object may communicate) and finalises it. Throws
// InputError where MPI offers less, where the launcher started more processes than MPI can see (a launcher of another MPI
// than the one linked), or where this build has no MPI.
//
// main() makes it outside the try block whose handlers call abort_all: finalising waits for all ranks, so an exception that
// passes through here aborts the job instead.
class MpiEnvironment {
 public:
  MpiEnvironment();
  ~MpiEnvironment();
  MpiEnvironment(const MpiEnvironment&) = delete;
  MpiEnvironment& operator=(const MpiEnvironment&) = delete;
};

// Ends this process and, where MPI is up, every rank of the job; the launcher returns `exit_code`.
[[noreturn]] void abort_all(int exit_code);

}  // namespace coppice
