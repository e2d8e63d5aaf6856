// A sweep's table for a person: one row a cell, on a terminal, in Markdown and on an HTML page of its own.
#pragma once

#include <string>
#include <vector>

#include "coordinator/report/sweep_results.h"

namespace coppice {

struct SweepTable {
  std::vector<std::string> columns;            // no two rows differ in a column that is left out
  std::vector<std::vector<std::string>> rows;  // one a cell
  std::string reading;                         // what the marks mean
  std::vector<std::string> notes;              // runs that are missing, and why; what a comparison must say
};

// Mean ± standard error over the seeds that are done, "2 of 3" where others are missing, "missing" in a cell without any.
SweepTable sweep_table(const SweepResults& results);

std::string sweep_text(const SweepTable& table);
std::string sweep_markdown(const SweepResults& results, const SweepTable& table);
std::string sweep_page(const SweepResults& results, const SweepTable& table);

}  // namespace coppice
