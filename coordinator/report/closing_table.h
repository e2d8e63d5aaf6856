// The table at the end of a run: the models side by side. The terminal, the report and the model card all print these
// cells.
#pragma once

#include <string>
#include <vector>

#include "coordinator/report/run_summary.h"

namespace coppice {

struct VariantTable {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;    // one a variant
  std::vector<std::vector<std::string>> shares;  // beside each cell: its share of the reference model's figure, or ""
  int result_row = 0;
};

// Columns that no variant has a figure for are left out.
VariantTable variant_table(const RunSummary& summary);

struct LabelledFigure {
  std::string label;
  std::string figure;
};

// Traffic, time and memory, as label and text.
std::vector<LabelledFigure> cost_lines(const RunSummary& summary);

// What `coppice run` prints when it is done, some 100 columns wide; `report_path` is where the report was written.
std::string closing_table(const RunSummary& summary, const std::string& report_path);

}  // namespace coppice
