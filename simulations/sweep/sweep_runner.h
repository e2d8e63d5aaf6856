// Carries a sweep out: runs as processes of their own, side by side where asked, results and tables as they come.
//
// In the sweep's folder: runs/<cell>-seed-<seed>-<digest> (the digest is of the resolved config, so that a run is done where its folder says
// so, and a changed config never meets an old run), configs/ and logs/ of the same names, runs.csv (a line a run), means.csv (a line a
// figure), table.md, table.html; the last four are written anew after every run.
#pragma once

#include <string>
#include <vector>

#include "simulations/sweep/sweep_rows.h"

namespace coppice {

struct SweepOptions {
  std::string out;
  std::int64_t jobs = 1;
  std::vector<std::string> launcher;  // words before the program: mpirun -n 4
  std::string command;                // how to go on after a stop
  bool starts_runs = true;            // or only the tables of what is there
};

// Prints a line a finished run, and the table at the end. Returns the exit code: 0 all are done; 3 stopped, and the command goes on; else
// the largest of a failed run. Throws InputError where the folder is another sweep's at work.
int run_sweep(const SweepFile& sweep, const SweepPlan& plan, const SweepOptions& options);

}  // namespace coppice
