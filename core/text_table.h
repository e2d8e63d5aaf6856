// A table for a terminal: columns as wide as their widest cell, a rule under the headings.
#pragma once

#include <string>
#include <vector>

namespace coppice {

class TextTable {
 public:
  enum class Align { kLeft, kRight };

  // The first column is flush left, the others flush right, unless `alignments` says otherwise for each.
  explicit TextTable(std::vector<std::string> headings, std::vector<Align> alignments = {});

  // Throws Error on more cells than headings; missing ones stay empty. Control characters become spaces: a name from a
  // file cannot steer the terminal.
  void add_row(std::vector<std::string> cells);

  std::string text() const;  // every line ends with a newline and has no spaces before it

 private:
  std::vector<std::vector<std::string>> rows_;  // the headings first
  std::vector<Align> alignments_;
};

}  // namespace coppice
