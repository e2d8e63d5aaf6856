// What a sweep came to so far: cells (an arm at one point of the grid), and a run of each cell for every seed. Runs that are not there
// yet, or failed, keep their place: a table shows every cell that was asked for, and says what is missing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/report/compare.h"
#include "coordinator/report/run_summary.h"

namespace coppice {

struct SweepCell {
  std::string name;  // "snip, density 0.02"
  std::string arm;
  std::vector<std::string> coordinates;   // one an axis; "" of an axis that the arm sits out
  std::optional<std::size_t> baseline{};  // the cell it is compared with; none for a baseline, or where there is none like it
};

enum class SweepRunStatus : std::uint8_t { kMissing, kDone, kStopped, kFailed };
const char* name_of(SweepRunStatus status);

struct SweepRun {
  std::size_t cell = 0;
  std::int64_t seed = 0;
  std::string folder;
  std::string config_digest;
  SweepRunStatus status = SweepRunStatus::kMissing;
  std::string remark = {};                   // why it failed
  std::optional<RunSummary> summary = {};    // of a done run
};

struct SweepResults {
  std::string name;
  std::vector<std::string> axes;
  std::vector<SweepCell> cells;
  std::vector<SweepRun> runs;

  std::size_t count(SweepRunStatus status) const;
  // "snip, density 0.02, seed 3"
  std::string name_of_run(const SweepRun& run) const;
};

// The done runs: cells as arms, in their order. Nothing where no run is done.
std::optional<Comparison> compare_cells(const SweepResults& results);

// One tidy line a run, missing ones too: where it stands in the grid, what came out, what it cost. Full precision.
std::string sweep_runs_csv(const SweepResults& results);

}  // namespace coppice
