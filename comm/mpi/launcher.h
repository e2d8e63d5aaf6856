// How this process was started, read from the environment alone: a program run without a launcher never initialises MPI.
#pragma once

namespace coppice {

// Whether mpirun, mpiexec or srun started this process as one of an MPI job (or as one of several srun tasks).
bool launched_by_mpirun();

// The number of processes the launcher says it started; 0 where it does not say.
int launched_processes();

// This process's rank as the launcher has it; 0 where it does not say.
int launched_rank();

}  // namespace coppice
