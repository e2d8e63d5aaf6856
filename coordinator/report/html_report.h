// report.html: everything a run has to show, in one file that opens without a network.
#pragma once

#include <string>

#include "coordinator/report/run_record.h"

namespace coppice {

std::string html_report(const RunRecord& run);

// Reads the folder's summary.json, metrics.jsonl and config.yaml and writes report.html beside them; returns its path.
// Throws InputError where one of them is malformed, Stopped on a full disk.
std::string write_html_report(const std::string& folder);

}  // namespace coppice
