// The lifetime of MPI in this process, and the way out that leaves no peer hanging.
#pragma once

namespace coppice {

// Initialises MPI at level FUNNELED (only the thread that made this object may communicate) and finalises it. Throws
// InputError where MPI offers less, where the launcher started more processes than MPI can see (a launcher of another MPI
// than the one linked), or where this build has no MPI.
//
// Finalising waits for all ranks, so an exception that unwinds past this object aborts the job instead. main() therefore
// keeps it alive beyond its handlers:
//   std::optional<MpiEnvironment> mpi;
//   try { if (launched_by_mpirun()) mpi.emplace(); ... } catch (const Error& error) { ...; abort_all(code); }
class MpiEnvironment {
 public:
  MpiEnvironment();
  ~MpiEnvironment();
  MpiEnvironment(const MpiEnvironment&) = delete;
  MpiEnvironment& operator=(const MpiEnvironment&) = delete;
};

// Ends this process and, where MPI is up, every rank of the job; the launcher returns `exit_code`. Where a peer was lost it ends this
// process alone: the others notice the loss themselves.
[[noreturn]] void abort_all(int exit_code);

}  // namespace coppice
