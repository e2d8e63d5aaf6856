// A run's folder as a value: what the report is made from.
#pragma once

#include <string>
#include <vector>

#include "coordinator/report/round_record.h"
#include "coordinator/report/run_summary.h"

namespace coppice {

struct RunRecord {
  RunSummary summary;
  std::vector<RoundRecord> rounds;
  std::string config_yaml;  // as it stands in the file
};

// Reads summary.json, metrics.jsonl and config.yaml. Throws InputError with one line naming file, line and key.
RunRecord read_run(const std::string& folder);

}  // namespace coppice
