#include "data/csv_source.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

#include "core/error.h"
#include "core/seed.h"
#include "data/csv.h"
#include "data/data_files.h"
#include "data/dense_dataset.h"
#include "data/numbering.h"

namespace coppice {
namespace {

struct Table {
  std::int64_t rows = 0;
  std::vector<float> features;                    // rows x F
  std::vector<std::string> labels;                // kClass
  std::vector<float> targets;                     // else, rows x L
  std::vector<std::vector<std::string>> columns;  // one a column
  std::vector<std::int64_t> lines;                // where each row begins
  std::string file;
};

void check(const CsvSource& source) {
  if (source.delimiter.size() != 1 || source.delimiter == "\"" || source.delimiter == "\n" ||
      source.delimiter == "\r") {
    throw InputError("csv: delimiter: found " + quoted(source.delimiter) + ", expected one character (not a quote)");
  }
  if (source.targets.empty()) throw InputError("csv: targets: found none, expected at least one column");
  if (source.task == CsvSource::Task::kClass && source.targets.size() != 1) {
    throw InputError("csv: targets: found " + std::to_string(source.targets.size()) +
                     " columns, expected one for task class");
  }
  for (const std::string& name : source.features) {
    if (std::find(source.targets.begin(), source.targets.end(), name) == source.targets.end()) continue;
    throw InputError("csv: column " + quoted(name) + " is both a feature and a target");
  }
}

std::vector<std::string> feature_names(const CsvSource& source, const CsvReader& reader) {
  if (!source.features.empty()) return source.features;
  std::vector<std::string> names;
  const auto listed = [](const std::vector<std::string>& list, const std::string& name) {
    return std::find(list.begin(), list.end(), name) != list.end();
  };
  for (const std::string& name : reader.header()) {
    if (!listed(source.targets, name) && !listed(source.columns, name)) names.push_back(name);
  }
  if (names.empty()) throw InputError(reader.file() + ": no column is left to be a feature");
  return names;
}

std::vector<std::size_t> positions(const CsvReader& reader, const std::vector<std::string>& names) {
  std::vector<std::size_t> out;
  for (const std::string& name : names) out.push_back(reader.column(name));
  return out;
}

// Reads the rows of `path`; `features` names the feature columns, filled by the first table read.
Table read_table(const CsvSource& source, const std::string& path, std::vector<std::string>& features) {
  const std::string file = plain_or_gzip(resolve_data_path(path));
  const std::vector<std::byte> bytes = read_data_file(file);
  CsvReader reader({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, source.delimiter[0], file);
  if (features.empty()) features = feature_names(source, reader);
  const auto at_features = positions(reader, features);
  const auto at_targets = positions(reader, source.targets);
  const auto at_columns = positions(reader, source.columns);

  Table table;
  table.columns.resize(at_columns.size());
  table.file = file;
  for (std::vector<std::string> fields; reader.next(fields); ++table.rows) {
    table.lines.push_back(reader.line());
    for (const std::size_t c : at_features) table.features.push_back(csv_number(reader, c, fields[c]));
    for (const std::size_t c : at_targets) {
      if (source.task == CsvSource::Task::kClass) {
        if (fields[c].empty()) reader.fail("column " + quoted(reader.header()[c]) + ": the label is empty");
        table.labels.push_back(std::move(fields[c]));
        continue;
      }
      const float value = csv_number(reader, c, fields[c]);
      if (source.task == CsvSource::Task::kMultiLabel && value != 0.0F && value != 1.0F) {
        reader.fail("column " + quoted(reader.header()[c]) + ": found " + quoted(fields[c]) + ", expected 0 or 1");
      }
      table.targets.push_back(value);
    }
    for (std::size_t k = 0; k < at_columns.size(); ++k) table.columns[k].push_back(fields[at_columns[k]]);
  }
  if (table.rows == 0) throw InputError(file + ": found a header but no rows, expected at least one");
  return table;
}

Table rows_of(const Table& table, std::span<const std::int64_t> rows) {
  Table out;
  out.rows = static_cast<std::int64_t>(rows.size());
  out.columns.resize(table.columns.size());
  out.file = table.file;
  const auto copy_rows = [&](const std::vector<float>& from, std::vector<float>& to) {
    const std::int64_t width = static_cast<std::int64_t>(from.size()) / table.rows;
    for (const std::int64_t r : rows) to.insert(to.end(), from.begin() + r * width, from.begin() + (r + 1) * width);
  };
  copy_rows(table.features, out.features);
  copy_rows(table.targets, out.targets);
  for (const std::int64_t r : rows) {
    const auto row = static_cast<std::size_t>(r);
    out.lines.push_back(table.lines[row]);
    if (!table.labels.empty()) out.labels.push_back(table.labels[row]);
    for (std::size_t k = 0; k < table.columns.size(); ++k) out.columns[k].push_back(table.columns[k][row]);
  }
  return out;
}

std::pair<Table, Table> split(const CsvSource& source, const Table& all) {
  const auto test_rows =
      std::max<std::int64_t>(1, static_cast<std::int64_t>(source.test_fraction * static_cast<double>(all.rows)));
  if (test_rows >= all.rows) {
    throw InputError(source.path + ": found " + std::to_string(all.rows) +
                     " rows, expected at least 2 to split off a test");
  }
  std::vector<std::int64_t> order(static_cast<std::size_t>(all.rows));
  std::iota(order.begin(), order.end(), 0);
  Stream(Seed{.run = static_cast<std::uint64_t>(source.split_seed)}, Purpose::kSplit).shuffle(order);
  std::sort(order.begin(), order.begin() + test_rows);
  std::sort(order.begin() + test_rows, order.end());
  const std::span<const std::int64_t> rows(order);
  const auto cut = static_cast<std::size_t>(test_rows);
  return {rows_of(all, rows.subspan(cut)), rows_of(all, rows.first(cut))};
}

std::vector<std::int32_t> classes_of(const Numbering& labels, const Table& table, const std::string& file) {
  std::vector<std::int32_t> out;
  for (const std::string& text : table.labels) {
    const std::optional<std::int32_t> label = labels.find(text);
    if (!label || *label < 0 || *label >= labels.count()) {
      throw InputError(file + ": the test rows hold label " + quoted(text) + ", which no training row has");
    }
    out.push_back(*label);
  }
  return out;
}

// One numbering for both tables, so that a client's number means the same in train and test.
void add_columns(const CsvSource& source, const Table& table, const Table& other, Annotations& annotations) {
  for (std::size_t k = 0; k < source.columns.size(); ++k) {
    std::vector<std::string> texts = table.columns[k];
    texts.insert(texts.end(), other.columns[k].begin(), other.columns[k].end());
    const Numbering numbering(texts, Numbering::Keep::kWholeNumbers);
    Column column{source.columns[k], {}, numbering.names()};
    for (const std::string& text : table.columns[k]) column.values.push_back(numbering.find(text).value());
    annotations.columns.push_back(std::move(column));
  }
}

void standardise(const Table& train, std::size_t features, ExampleSpec& spec) {
  spec.mean.assign(features, 0.0);
  spec.scale.assign(features, 0.0);
  const auto rows = static_cast<std::size_t>(train.rows);
  const auto value = [&](std::size_t r, std::size_t f) {
    return static_cast<double>(train.features[r * features + f]);
  };
  for (std::size_t f = 0; f < features; ++f) {
    for (std::size_t r = 0; r < rows; ++r) spec.mean[f] += value(r, f) / static_cast<double>(rows);
    for (std::size_t r = 0; r < rows; ++r) {
      const double off = value(r, f) - spec.mean[f];
      spec.scale[f] += off * off / static_cast<double>(rows);
    }
    // A constant feature becomes 0; its computed variance is rounding noise rather than 0.
    spec.scale[f] = std::sqrt(spec.scale[f]);
    if (!(spec.scale[f] > 1e-7 * std::abs(spec.mean[f]))) spec.scale[f] = 1.0;
  }
}

}  // namespace

LoadedData load_data(const CsvSource& source) {
  check(source);
  std::vector<std::string> features = source.features;
  Table train = read_table(source, source.path, features);
  Table test;
  if (source.test.empty()) {
    std::tie(train, test) = split(source, train);
  } else {
    test = read_table(source, source.test, features);
  }

  ExampleSpec spec;
  spec.kind = ExampleSpec::Kind::kFeatures;
  spec.shape = {static_cast<std::int64_t>(features.size())};
  spec.target = static_cast<ExampleSpec::Target>(source.task);  // the enumerators have the same order
  spec.num_targets = static_cast<std::int64_t>(source.targets.size());
  if (source.standardise) standardise(train, features.size(), spec);
  Annotations of_train, of_test;
  if (source.task == CsvSource::Task::kClass) {
    const Numbering labels(train.labels, Numbering::Keep::kZeroToK);
    spec.num_targets = labels.count();
    of_train.classes = classes_of(labels, train, source.path);
    of_test.classes = classes_of(labels, test, source.test.empty() ? source.path : source.test);
    of_train.class_names = of_test.class_names = labels.names();
  } else {
    of_train.class_names = of_test.class_names = source.targets;
  }
  add_columns(source, train, test, of_train);
  add_columns(source, test, train, of_test);
  for (const auto& [table, annotations] : {std::pair{&train, &of_train}, std::pair{&test, &of_test}}) {
    annotations->targets = std::move(table->targets);
    annotations->files = {{table->file, table->rows}};
    annotations->rows = std::move(table->lines);
  }

  const auto row_bytes = static_cast<std::int64_t>(features.size() * sizeof(float));
  LoadedData data{make_features(spec, Rows({SharedBytes::of(std::move(train.features))}, row_bytes), std::move(of_train)),
          make_features(spec, Rows({SharedBytes::of(std::move(test.features))}, row_bytes), std::move(of_test)), ""};
  data.input_names = std::move(features);
  return data;
}

}  // namespace coppice
