#include "core/text_table.h"

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "core/human_text.h"

namespace coppice {

TextTable::TextTable(std::vector<std::string> headings, std::vector<Align> alignments)
    : alignments_(std::move(alignments)) {
  if (alignments_.empty()) {
    alignments_.assign(headings.size(), Align::kRight);
    if (!alignments_.empty()) alignments_.front() = Align::kLeft;
  }
  if (alignments_.size() != headings.size()) throw Error("text table: alignments do not go with the headings");
  rows_.push_back(std::move(headings));
}

void TextTable::add_row(std::vector<std::string> cells) {
  if (cells.size() > alignments_.size()) {
    throw Error("text table: " + std::to_string(cells.size()) + " cells for " + std::to_string(alignments_.size()) +
                " columns");
  }
  cells.resize(alignments_.size());
  for (std::string& cell : cells) {
    std::replace_if(
        cell.begin(), cell.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  }
  rows_.push_back(std::move(cells));
}

std::string TextTable::text() const {
  std::vector<std::size_t> widths(alignments_.size(), 0);
  for (const auto& row : rows_) {
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], columns_of(row[c]));
  }
  std::string out;
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    std::string line;
    for (std::size_t c = 0; c < widths.size(); ++c) {
      const std::string padding(widths[c] - columns_of(rows_[r][c]), ' ');
      if (c > 0) line += "  ";
      line += alignments_[c] == Align::kRight ? padding + rows_[r][c] : rows_[r][c] + padding;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
    if (r > 0) continue;
    for (std::size_t c = 0; c < widths.size(); ++c) out.append(c > 0 ? "  " : "").append(widths[c], '-');
    out += "\n";
  }
  return out;
}

}  // namespace coppice
