#include "coordinator/report/sweep_table.h"

#include <algorithm>
#include <cmath>

#include "coordinator/report/compare_output.h"
#include "core/text_table.h"

namespace coppice {
namespace {

constexpr std::size_t kMostNames = 6;

struct FigureColumn {
  const char* quantity;  // of the comparison
  const char* heading;
};

constexpr FigureColumn kCosts[] = {{"density", "mask density, %"},
                                   {"down a client and round", "down"},
                                   {"up a client and round", "up"},
                                   {"FLOPs of a client and round", "client FLOPs"},
                                   {"live bytes of a client", "client memory"},
                                   {"peak of a client", "with activations"},
                                   {"wall time", "time"}};

// "*" of what may be claimed, "≈" of what may not.
std::string marked(const MeanAndError& difference, QuantityUnit unit) {
  if (difference.count == 0) return "-";
  const bool unclear = std::isfinite(difference.standard_error) && !difference.is_clear();
  return difference_text(difference, unit) + (unclear ? " ≈" : "");
}

void add_notes(const SweepResults& results, std::vector<std::string>& notes) {
  std::string missing;
  std::size_t count = 0;
  for (const SweepRun& run : results.runs) {
    if (run.status == SweepRunStatus::kDone) continue;
    if (run.status == SweepRunStatus::kMissing) {
      if (count++ < kMostNames) missing += (missing.empty() ? "" : "; ") + results.name_of_run(run);
    } else {
      notes.push_back(results.name_of_run(run) + ": " + name_of(run.status) + ", " + run.remark);
    }
  }
  if (count > 0) notes.push_back(std::to_string(count) + " missing: " + missing + (count > kMostNames ? "; ..." : ""));
}

std::string markdown_line(const std::vector<std::string>& cells) {
  std::string line = "|";
  for (const std::string& cell : cells) {
    line += ' ';
    for (const char c : cell) {
      if (c == '|') line += '\\';
      line += c;
    }
    line += " |";
  }
  return line + "\n";
}

}  // namespace

SweepTable sweep_table(const SweepResults& results) {
  SweepTable table;
  table.reading = "Mean ± standard error over seeds; of a client: bytes and FLOPs of one round on average, memory at its largest by the "
                  "cost model, and measured with activations. Differences are paired by seed: * beyond two standard errors, ≈ within.";
  const std::optional<Comparison> comparison = compare_cells(results);
  const auto has = [&](const char* quantity) { return comparison && comparison->index_of(quantity) < comparison->quantities.size(); };
  const char* quality = has("accuracy") ? "accuracy" : "loss";
  const bool compares = std::any_of(results.cells.begin(), results.cells.end(), [](const SweepCell& cell) { return cell.baseline.has_value(); });
  table.columns = {"arm"};
  for (const std::string& axis : results.axes) table.columns.push_back(axis);
  table.columns.insert(table.columns.end(), {"runs", has("accuracy") ? "accuracy, %" : "loss"});
  if (compares) table.columns.emplace_back("minus baseline");
  for (const FigureColumn& cost : kCosts) {
    if (has(cost.quantity)) table.columns.emplace_back(cost.heading);
  }
  for (std::size_t c = 0; c < results.cells.size(); ++c) {
    const SweepCell& cell = results.cells[c];
    std::vector<std::string>& row = table.rows.emplace_back();
    row.push_back(cell.arm);
    for (const std::string& coordinate : cell.coordinates) row.push_back(coordinate.empty() ? "-" : coordinate);
    const auto of_cell = [&](const SweepRun& run) { return run.cell == c; };
    const auto all = std::count_if(results.runs.begin(), results.runs.end(), of_cell);
    const auto done = std::count_if(results.runs.begin(), results.runs.end(),
                                    [&](const SweepRun& run) { return of_cell(run) && run.status == SweepRunStatus::kDone; });
    row.push_back(done == all ? std::to_string(all) : std::to_string(done) + " of " + std::to_string(all));
    const ComparedArm* arm = nullptr;
    for (std::size_t a = 0; comparison && a < comparison->arms.size(); ++a) {
      if (comparison->arms[a].name == cell.name) arm = &comparison->arms[a];
    }
    if (arm == nullptr) {
      row.emplace_back("missing");
      row.resize(table.columns.size(), "-");
      continue;
    }
    const auto figure = [&](const char* quantity) { return comparison->index_of(quantity); };
    const std::size_t q = figure(quality);
    row.push_back(value_text(arm->values[q], comparison->quantities[q].unit));
    if (compares) {
      row.push_back(&comparison->arms[arm->baseline] == arm ? (cell.baseline ? "missing" : "-")
                                                            : marked(arm->differences[q], comparison->quantities[q].unit));
    }
    for (const FigureColumn& cost : kCosts) {
      if (!has(cost.quantity)) continue;
      const std::size_t i = figure(cost.quantity);
      row.push_back(value_text({.count = arm->values[i].count, .mean = arm->values[i].mean}, comparison->quantities[i].unit));
    }
  }
  add_notes(results, table.notes);
  if (comparison) table.notes.insert(table.notes.end(), comparison->notes.begin(), comparison->notes.end());
  return table;
}

std::string sweep_text(const SweepTable& table) {
  TextTable text(table.columns);
  for (const auto& row : table.rows) text.add_row(row);
  std::string all = text.text() + table.reading + "\n";
  for (const std::string& note : table.notes) all += "note: " + note + "\n";
  for (char& c : all) {  // names come from files, and must not steer the terminal
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7F) c = ' ';
  }
  return all;
}

std::string sweep_markdown(const SweepResults& results, const SweepTable& table) {
  std::string text = "# " + results.name + "\n\n" + table.reading + "\n\n" + markdown_line(table.columns) + "|";
  for (std::size_t c = 0; c < table.columns.size(); ++c) text += c == 0 ? "---|" : "---:|";
  text += "\n";
  for (const auto& row : table.rows) text += markdown_line(row);
  if (!table.notes.empty()) text += "\n";
  for (const std::string& note : table.notes) text += "- " + note + "\n";
  return text;
}

}  // namespace coppice
