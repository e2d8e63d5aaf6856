// Tables of numbers in CSV files: features, one or more target columns, and columns that say whose row it is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/config.h"
#include "data/dataset.h"
#include "data/loaded_data.h"

namespace coppice {

struct CsvSource {
  static constexpr const char* kName = "csv";

  enum class Task : std::uint8_t { kClass, kMultiLabel, kRegression };

  std::string path, test;
  double test_fraction = 0.2;
  std::int64_t split_seed = 1;
  Task task = Task::kClass;
  std::vector<std::string> targets, features, columns;
  bool standardise = true;
  std::string delimiter = ",";

  void visit(FieldVisitor& v) {
    v.field("path", path, "training rows, with a header line");
    v.field("test", test, "test rows with the same columns; empty = split off from `path`");
    v.field("test_fraction", test_fraction, "where `test` is empty: the share of rows drawn for the test",
            above_to(0.0, 0.9));
    v.field("split_seed", split_seed, "where `test` is empty: seed of that draw", at_least(0));
    v.choice("task", task, {"class", "multi-label", "regression"}, "what the targets are");
    v.field("targets", targets,
            "target columns: one for class, any number of 0/1 columns for multi-label or numbers for regression");
    v.field("features", features, "feature columns; none = all others");
    v.field("columns", columns, "columns kept beside each example, for a partition by column (text or whole numbers)");
    v.field("standardise", standardise, "bring each feature to mean 0 and variance 1 over the training rows");
    v.field("delimiter", delimiter, "between fields, one character");
  }
};

// Classes 0..K-1 stay as they are; any other labels are numbered in sorted order (whole numbers by value, else as
// text). A label that only the test rows hold is an error.
LoadedData load_data(const CsvSource& source);

}  // namespace coppice
