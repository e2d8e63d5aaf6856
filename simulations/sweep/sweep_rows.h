// A sweep's cells and runs: every run's config resolved and checked before the first one starts.
#pragma once

#include <string>
#include <vector>

#include "coordinator/report/sweep_results.h"
#include "simulations/run_config.h"
#include "simulations/sweep/sweep_file.h"

namespace coppice {

struct SweepRow {
  std::size_t cell = 0;
  std::int64_t seed = 0;
  std::string name;    // "row 7 of 60 (snip, density 0.02, seed 1)"
  std::string folder;  // below the sweep's
  RunConfig config;
};

struct SweepPlan {
  std::vector<std::string> axes;
  std::vector<SweepCell> cells;
  std::vector<SweepRow> rows;  // seed after seed, so that a sweep cut short has compared all arms
};

// `overrides` are of the command line, "a.b=VALUE". Throws InputError with one line: the sweep's file, the row, and what is wrong with its
// config, as `coppice run` would say it.
SweepPlan plan_sweep(const SweepFile& sweep, const std::vector<std::string>& overrides, const Extensions& extensions = {});

// As `coppice check` does, row after row. Cost: each source of data is read once and dealt once a row, each row's model is made once.
void check_rows(const SweepPlan& plan);

}  // namespace coppice
