#include "comm/mpi/launcher.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>

namespace coppice {
namespace {

// Open MPI; then the process managers PMI (MPICH, Intel, Slurm's pmi2) and PMIx (Slurm's pmix, PRRTE).
constexpr const char* kMarks[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMI_RANK", "PMIX_RANK"};

// Most specific first: mpirun inside a Slurm allocation starts its daemons, not the ranks, as srun tasks.
constexpr const char* kSizes[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"};
constexpr const char* kRanks[] = {"OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK", "SLURM_PROCID"};

template <std::size_t N>
int first_number(const char* const (&names)[N]) {
  for (const char* name : names) {
    if (const char* value = std::getenv(name)) return std::max(0, std::atoi(value));
  }
  return 0;
}

}  // namespace

int launched_processes() { return first_number(kSizes); }

int launched_rank() { return first_number(kRanks); }

// Several srun tasks without a process manager count too, so that they meet the check of the world's size instead of each
// running the whole experiment alone.
bool launched_by_mpirun() {
  const auto is_set = [](const char* name) { return std::getenv(name) != nullptr; };
  return std::ranges::any_of(kMarks, is_set) || (is_set("SLURM_PROCID") && launched_processes() > 1);
}

}  // namespace coppice
