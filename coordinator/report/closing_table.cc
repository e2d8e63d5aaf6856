#include "coordinator/report/closing_table.h"

#include "core/text_table.h"
#include "coordinator/report/verdict.h"

namespace coppice {

std::string closing_table(const RunSummary& summary, const std::string& report_path) {
  const VariantTable table = variant_table(summary);
  TextTable models(table.columns);
  for (const auto& row : table.rows) models.add_row(row);
  TextTable costs({"cost", ""});
  for (const auto& [label, figure] : cost_lines(summary)) costs.add_row({label, figure});
  std::string text = "\n";
  for (const std::string& warning : summary.warnings) text += "warning: " + warning + "\n";
  text += models.text() + "\n" + costs.text() + "\n" + verdict(summary) + "\n" + caveat(summary) + "\n\n";
  for (char& c : text) {  // names come from files, and must not steer the terminal
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7F) c = ' ';
  }
  return text + "report: " + report_path + "\n";
}

}  // namespace coppice
