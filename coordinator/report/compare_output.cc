#include "coordinator/report/compare_output.h"

#include <array>
#include <cmath>
#include <cstdio>

#include "core/human_text.h"
#include "core/text_table.h"
#include "coordinator/report/compare_plots.h"
#include "coordinator/report/figures.h"
#include "coordinator/report/html_page.h"
#include "coordinator/report/html_text.h"

namespace coppice {
namespace {

enum class Table { kValues, kDifferences };
enum class Of { kModels, kRuns };

struct Grid {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
};

std::string show_in(QuantityUnit unit, double value) {
  switch (unit) {
    case QuantityUnit::kFraction:
      return show_fixed(value * 100.0, 2);
    case QuantityUnit::kNumber:
      return show_fixed(value, 4);
    case QuantityUnit::kCount:
      return show_short_count(value);
    case QuantityUnit::kBytes:
      return show_bytes(value);
    case QuantityUnit::kMilliseconds:
      return show_significant(value, 3);
    case QuantityUnit::kSeconds:
      return show_seconds(value);
  }
  return "-";
}

std::string error_in(QuantityUnit unit, double error) {
  return unit == QuantityUnit::kMilliseconds ? show_significant(error, 2) : show_in(unit, error);
}

const char* unit_name(QuantityUnit unit) {
  switch (unit) {
    case QuantityUnit::kFraction:
      return "fraction";
    case QuantityUnit::kNumber:
      return "";
    case QuantityUnit::kCount:
      return "count";
    case QuantityUnit::kBytes:
      return "bytes";
    case QuantityUnit::kMilliseconds:
      return "ms";
    case QuantityUnit::kSeconds:
      return "s";
  }
  return "";
}

std::string heading(const Quantity& quantity, Table table) {
  if (quantity.unit != QuantityUnit::kFraction) return quantity.name;
  return quantity.name + (table == Table::kValues ? ", %" : ", points");
}

// `runs`: how many the row stands for; a figure that fewer runs have says so.
std::string cell(const MeanAndError& figure, QuantityUnit unit, Table table, std::size_t runs) {
  if (figure.count == 0) return "-";
  std::string text = table == Table::kValues ? value_text(figure, unit) : difference_text(figure, unit);
  if (figure.count != static_cast<std::int64_t>(runs)) text += " (n = " + std::to_string(figure.count) + ")";
  return text;
}

Grid grid_of(const Comparison& comparison, Table table, Of of) {
  Grid grid;
  grid.columns = {"arm", table == Table::kValues ? "n" : "pairs"};
  const bool names_baselines = table == Table::kDifferences && !comparison.has_one_baseline();
  if (names_baselines) grid.columns.push_back("to");
  for (const Quantity& quantity : comparison.quantities) {
    if (quantity.of_run == (of == Of::kRuns)) grid.columns.push_back(heading(quantity, table));
  }
  for (std::size_t a = 0; a < comparison.arms.size(); ++a) {
    const ComparedArm& arm = comparison.arms[a];
    if (table == Table::kDifferences && a == arm.baseline) continue;
    const std::size_t runs = table == Table::kValues ? arm.seeds.size() : arm.paired_seeds.size();
    grid.rows.push_back({arm.name, std::to_string(runs)});
    if (names_baselines) grid.rows.back().push_back(comparison.arms[arm.baseline].name);
    for (std::size_t q = 0; q < comparison.quantities.size(); ++q) {
      const Quantity& quantity = comparison.quantities[q];
      if (quantity.of_run != (of == Of::kRuns)) continue;
      grid.rows.back().push_back(
          cell(table == Table::kValues ? arm.values[q] : arm.differences[q], quantity.unit, table, runs));
    }
  }
  return grid;
}

const std::string kReading =
    "mean ± standard error over n seeds (n - 1); none for n = 1; * = further than two standard errors from zero";

std::string difference_title(const Comparison& comparison) {
  if (!comparison.has_one_baseline()) return "difference to each arm's baseline, paired by seed";
  return "difference to '" + comparison.arms[comparison.baseline].name + "', paired by seed";
}

std::string text_table(const Grid& grid) {
  TextTable table(grid.columns);
  for (const auto& row : grid.rows) table.add_row(row);
  return table.text();
}

std::vector<std::string> names_of(const Comparison& comparison) {
  std::vector<std::string> names;
  for (const ComparedArm& arm : comparison.arms) names.push_back(arm.name);
  return names;
}

Grid escaped(Grid grid) {
  for (std::string& column : grid.columns) column = escape_html(column);
  for (auto& row : grid.rows) {
    for (std::string& text : row) text = escape_html(text);
  }
  return grid;
}

std::string latex_text(const std::string& text) {
  std::string safe;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (text.compare(i, 2, "±") == 0) {
      safe += "$\\pm$";
      ++i;
    } else if (std::string("&%$#_{}").find(c) != std::string::npos) {
      safe += std::string("\\") + c;
    } else if (c == '\\') {
      safe += "\\textbackslash{}";
    } else if (c == '~' || c == '^') {
      safe += std::string("\\") + c + "{}";
    } else if (c == '-' && (i == 0 || text[i - 1] == ' ') && i + 1 < text.size()) {
      safe += "$-$";
    } else {
      safe += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return safe;
}

std::string latex_table(const Grid& grid, const std::string& caption) {
  std::string tex = "\\begin{table}\n\\centering\n\\caption{" + latex_text(caption) + "}\n\\begin{tabular}{l" +
                    std::string(grid.columns.size() - 1, 'r') + "}\n\\toprule\n";
  const auto line = [&](const std::vector<std::string>& cells) {
    for (std::size_t c = 0; c < cells.size(); ++c) tex += (c == 0 ? "" : " & ") + latex_text(cells[c]);
    tex += " \\\\\n";
  };
  line(grid.columns);
  tex += "\\midrule\n";
  for (const auto& row : grid.rows) line(row);
  return tex + "\\bottomrule\n\\end{tabular}\n\\end{table}\n";
}

}  // namespace

std::string value_text(const MeanAndError& figure, QuantityUnit unit) {
  if (figure.count == 0) return "-";
  const bool shown = std::isfinite(figure.standard_error) && figure.standard_error > 0.0;
  return show_in(unit, figure.mean) + (shown ? " ± " + error_in(unit, figure.standard_error) : "");
}

std::string difference_text(const MeanAndError& figure, QuantityUnit unit) {
  std::string text = value_text(figure, unit);
  const bool shows_zero = show_in(unit, figure.mean).find_first_of("123456789") == std::string::npos;
  if (figure.mean > 0.0 && !shows_zero) text.insert(text.begin(), '+');
  return figure.is_clear() ? text + " *" : text;
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string csv_number(double value) {
  if (!std::isfinite(value)) return "";
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%.17g", value);
  return text.data();
}

std::string compare_text(const Comparison& comparison) {
  const Grid values = grid_of(comparison, Table::kValues, Of::kModels),
             differences = grid_of(comparison, Table::kDifferences, Of::kModels);
  std::string text = text_table(values) + "\n";
  if (!differences.rows.empty()) text += difference_title(comparison) + "\n" + text_table(differences) + "\n";
  text += kReading + "\n";
  for (const std::string& note : comparison.notes) text += "note: " + note + "\n";
  for (char& c : text) {  // names come from files, and must not steer the terminal
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7F) c = ' ';
  }
  return text;
}

std::string compare_html(const Comparison& comparison) {
  const auto table = [&](Table which, Of of) {
    const Grid grid = escaped(grid_of(comparison, which, of));
    return html_table(grid.columns, grid.rows, which == Table::kValues ? static_cast<int>(comparison.baseline) : -1);
  };
  std::string notes;
  for (const std::string& note : comparison.notes) notes += "<p><b>Note:</b> " + escape_html(note) + ".</p>\n";
  std::string body = "<header><p class=\"kicker\">Coppice: comparison of runs</p>\n<h1>" +
                     std::to_string(comparison.arms.size()) + (comparison.arms.size() == 1 ? " arm" : " arms") +
                     "</h1>\n<p class=\"dim\">" + escape_html(kReading) + "</p>\n" + notes + "</header>\n" +
                     tradeoff_section(comparison, names_of(comparison)) +
                     html_section("models", "The models", table(Table::kValues, Of::kModels));
  if (comparison.arms.size() > 1) {
    body += html_section("differences", "The " + difference_title(comparison), table(Table::kDifferences, Of::kModels));
  }
  body += html_section("runs", "The runs that made them", table(Table::kValues, Of::kRuns));
  if (comparison.arms.size() > 1) {
    body += html_section("run-differences", "The runs' " + difference_title(comparison),
                         table(Table::kDifferences, Of::kRuns));
  }
  return html_page("Comparison of runs", body);
}

std::string compare_csv(const Comparison& comparison) {
  std::string csv = "table,arm,baseline,quantity,unit,n,mean,standard_error\n";
  for (const Table table : {Table::kValues, Table::kDifferences}) {
    for (std::size_t a = 0; a < comparison.arms.size(); ++a) {
      const ComparedArm& arm = comparison.arms[a];
      if (table == Table::kDifferences && a == arm.baseline) continue;
      for (std::size_t q = 0; q < comparison.quantities.size(); ++q) {
        const MeanAndError& figure = table == Table::kValues ? arm.values[q] : arm.differences[q];
        csv += std::string(table == Table::kValues ? "value," : "difference,") + csv_field(arm.name) + "," +
               (table == Table::kValues ? "" : csv_field(comparison.arms[arm.baseline].name)) + "," + csv_field(comparison.quantities[q].name) +
               "," + unit_name(comparison.quantities[q].unit) + "," + std::to_string(figure.count) + "," +
               csv_number(figure.mean) + "," + csv_number(figure.standard_error) + "\n";
      }
    }
  }
  return csv;
}

std::string compare_latex(const Comparison& comparison) {
  const Grid differences = grid_of(comparison, Table::kDifferences, Of::kModels);
  std::string tex = "% needs \\usepackage{booktabs}\n" +
                    latex_table(grid_of(comparison, Table::kValues, Of::kModels), "Figures. " + kReading + ".");
  if (!differences.rows.empty()) tex += latex_table(differences, "The " + difference_title(comparison) + ".");
  return tex;
}

}  // namespace coppice
