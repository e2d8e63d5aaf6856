#include "coordinator/report/sweep_results.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

#include "coordinator/report/compare_output.h"

namespace coppice {
namespace {

struct RunColumn {
  std::string name;
  std::function<double(const RunSummary&)> value;
};

std::vector<RunColumn> run_columns(const SweepResults& results) {
  using Summary = const RunSummary&;
  std::vector<RunColumn> columns = {{"accuracy", [](Summary s) { return result_of(s).accuracy; }},
                                    {"loss", [](Summary s) { return result_of(s).loss; }}};
  std::set<std::string> metrics;
  for (const SweepRun& run : results.runs) {
    if (!run.summary) continue;
    for (const auto& [key, value] : result_of(*run.summary).metrics) metrics.insert(key);
  }
  for (const std::string& key : metrics) {
    columns.push_back({key, [key](Summary s) {
                         const auto& all = result_of(s).metrics;
                         const auto found = all.find(key);
                         return found == all.end() ? kNoFigure : found->second;
                       }});
  }
  columns.insert(columns.end(),
                 {{"mask_density", density_of},
                  {"parameters", [](Summary s) { return static_cast<double>(result_of(s).parameters); }},
                  {"flops_per_sample", [](Summary s) { return static_cast<double>(result_of(s).flops); }},
                  {"bytes_down_per_client_round", [](Summary s) { return s.traffic.bytes_down_per_client; }},
                  {"bytes_up_per_client_round", [](Summary s) { return s.traffic.bytes_up_per_client; }},
                  {"client_flops_per_round", [](Summary s) { return s.client.flops; }},
                  {"client_live_bytes", [](Summary s) { return s.client.live_bytes; }},
                  {"client_peak_bytes", [](Summary s) { return s.client.peak_bytes; }},
                  {"rank_peak_bytes", [](Summary s) { return static_cast<double>(s.peak_memory_bytes); }},
                  {"seconds", total_seconds}});
  return columns;
}

std::string csv_line(const std::vector<std::string>& fields) {
  std::string line;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) line += ',';
    line += csv_field(fields[i]);
  }
  return line + "\n";
}

}  // namespace

const char* name_of(SweepRunStatus status) {
  switch (status) {
    case SweepRunStatus::kMissing:
      return "missing";
    case SweepRunStatus::kDone:
      return "done";
    case SweepRunStatus::kStopped:
      return "stopped";
    case SweepRunStatus::kFailed:
      return "failed";
  }
  return "";
}

std::size_t SweepResults::count(SweepRunStatus status) const {
  return static_cast<std::size_t>(std::count_if(runs.begin(), runs.end(), [&](const SweepRun& run) { return run.status == status; }));
}

std::string SweepResults::name_of_run(const SweepRun& run) const { return cells[run.cell].name + ", seed " + std::to_string(run.seed); }

std::optional<Comparison> compare_cells(const SweepResults& results) {
  std::vector<LabelledRun> runs;
  std::set<std::size_t> there;
  for (std::size_t c = 0; c < results.cells.size(); ++c) {
    for (const SweepRun& run : results.runs) {
      if (run.cell != c || !run.summary) continue;
      runs.push_back({results.cells[c].name, run.folder, *run.summary});
      // A cell is one arm whatever its runs call their result.
      runs.back().summary.variants = {result_of(*run.summary)};
      runs.back().summary.variants[0].name = "result";
      there.insert(c);
    }
  }
  if (runs.empty()) return std::nullopt;
  CompareOptions options;
  for (const std::size_t c : there) {
    const SweepCell& cell = results.cells[c];
    const bool compared = cell.baseline && there.contains(*cell.baseline);
    options.baseline_of[cell.name] = compared ? results.cells[*cell.baseline].name : cell.name;
  }
  return compare_runs(runs, options);
}

std::string sweep_runs_csv(const SweepResults& results) {
  const std::vector<RunColumn> columns = run_columns(results);
  std::vector<std::string> headings = {"arm"};
  headings.insert(headings.end(), results.axes.begin(), results.axes.end());
  headings.insert(headings.end(), {"seed", "status", "folder", "config_digest", "result"});
  for (const RunColumn& column : columns) headings.push_back(column.name);
  std::string csv = csv_line(headings);
  for (const SweepRun& run : results.runs) {
    const SweepCell& cell = results.cells[run.cell];
    std::vector<std::string> fields = {cell.arm};
    fields.insert(fields.end(), cell.coordinates.begin(), cell.coordinates.end());
    fields.insert(fields.end(), {std::to_string(run.seed), name_of(run.status), run.folder, run.config_digest,
                                 run.summary ? result_of(*run.summary).name : ""});
    for (const RunColumn& column : columns) fields.push_back(run.summary ? csv_number(column.value(*run.summary)) : "");
    csv += csv_line(fields);
  }
  return csv;
}

}  // namespace coppice
