#include <cmath>

#include "coordinator/report/compare_output.h"
#include "coordinator/report/compare_plots.h"
#include "coordinator/report/figures.h"
#include "coordinator/report/html_page.h"
#include "coordinator/report/html_text.h"
#include "coordinator/report/sweep_table.h"

namespace coppice {
namespace {

std::string escaped_table(std::vector<std::string> columns, std::vector<std::vector<std::string>> rows) {
  for (std::string& column : columns) column = escape_html(column);
  for (auto& row : rows) {
    for (std::string& cell : row) cell = escape_html(cell);
  }
  return html_table(columns, rows);
}

std::string counts(const SweepResults& results) {
  std::string text = std::to_string(results.count(SweepRunStatus::kDone)) + " of " + std::to_string(results.runs.size()) + " runs done";
  for (const SweepRunStatus status : {SweepRunStatus::kMissing, SweepRunStatus::kStopped, SweepRunStatus::kFailed}) {
    if (const std::size_t count = results.count(status)) text += ", " + std::to_string(count) + " " + name_of(status);
  }
  return text;
}

std::string runs_section(const SweepResults& results) {
  std::vector<std::vector<std::string>> rows;
  for (const SweepRun& run : results.runs) {
    const double accuracy = run.summary ? result_of(*run.summary).accuracy : kNoFigure;
    const double loss = run.summary ? result_of(*run.summary).loss : kNoFigure;
    rows.push_back({escape_html(results.name_of_run(run)), name_of(run.status), show_percent(accuracy, 2), show_fixed(loss, 4),
                    run.summary ? show_seconds(total_seconds(*run.summary)) : "-", escape_html(run.folder)});
  }
  return html_section("runs", "Every run",
                      "<details><summary>" + std::to_string(rows.size()) + " runs</summary>\n" +
                          html_table({"run", "status", "accuracy", "loss", "time", "folder"}, rows) + "</details>\n");
}

}  // namespace

std::string sweep_page(const SweepResults& results, const SweepTable& table) {
  std::string notes;
  for (const std::string& note : table.notes) notes += "<p><b>Note:</b> " + escape_html(note) + ".</p>\n";
  std::string body = "<header><p class=\"kicker\">Coppice: sweep</p>\n<h1>" + escape_html(results.name) + "</h1>\n<p>" +
                     escape_html(counts(results)) + ".</p>\n<p class=\"dim\">" + escape_html(table.reading) + "</p>\n" + notes +
                     "</header>\n" + html_section("table", "The table", escaped_table(table.columns, table.rows));
  if (const std::optional<Comparison> comparison = compare_cells(results)) {
    std::vector<std::string> curves;
    for (const ComparedArm& arm : comparison->arms) {
      for (const SweepCell& cell : results.cells) {
        if (cell.name == arm.name) curves.push_back(cell.arm);
      }
    }
    body += tradeoff_section(*comparison, curves);
  }
  return html_page(results.name, body + runs_section(results));
}

}  // namespace coppice
