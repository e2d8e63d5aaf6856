#include <algorithm>
#include <limits>
#include <unordered_set>

#include "data/inspect.h"

namespace coppice {
namespace {

// Enough of a digest: two of n inputs agree by chance with probability n^2 / 2^129.
struct Short {
  std::uint64_t low = 0, high = 0;
  bool operator==(const Short&) const = default;
};
struct HashOfShort {
  std::size_t operator()(const Short& value) const { return value.low; }
};

Short digest_of_input(const Dataset& data, std::int64_t i) {
  const StoredInput input = data.stored_input(i);
  const Digest digest = Hasher().add_value(input.values.size()).add(input.values).add(input.counts).finish();
  Short out;
  for (std::size_t b = 0; b < 8; ++b) {
    out.low |= std::uint64_t{digest.bytes[b]} << (8 * b);
    out.high |= std::uint64_t{digest.bytes[8 + b]} << (8 * b);
  }
  return out;
}

void count_equal(const LoadedData& data, ExamplesSummary& summary) {
  std::unordered_set<Short, HashOfShort> seen;
  for (std::int64_t i = 0; i < data.train->size(); ++i) {
    if (!seen.insert(digest_of_input(*data.train, i)).second) ++summary.repeated_in_train;
  }
  for (std::int64_t i = 0; i < data.test->size(); ++i) summary.test_in_train += seen.contains(digest_of_input(*data.test, i)) ? 1 : 0;
}

// Features without a contract: a column each.
std::vector<ContractInput> inputs_of(const LoadedData& data, const DataContract* contract) {
  if (contract != nullptr && !contract->inputs.empty()) return contract->inputs;
  std::vector<ContractInput> inputs;
  for (std::size_t f = 0; f < static_cast<std::size_t>(data.train->spec().shape[0]); ++f) {
    inputs.push_back({.name = f < data.input_names.size() ? data.input_names[f] : "input " + std::to_string(f)});
  }
  return inputs;
}

void add_row(const ContractInput& in, const float* values, double weight, ColumnSummary& column) {
  if (!in.categories.empty()) {
    const auto* const found = std::find(values, values + in.categories.size(), 1.0F);
    const auto k = static_cast<std::size_t>(found - values);
    if (k < in.categories.size()) {
      ++column.categories[k].second;
    } else {
      ++column.missing;
    }
    return;
  }
  if (in.missing && values[in.width] == 1.0F) ++column.missing;
  for (std::int64_t k = 0; k < in.width; ++k) {
    const auto value = static_cast<double>(values[k]);
    column.least = std::min(column.least, value);
    column.most = std::max(column.most, value);
    column.mean += value * weight / static_cast<double>(in.width);
  }
}

}  // namespace

ExamplesSummary look_at_examples(const LoadedData& data, const DataContract* contract) {
  ExamplesSummary summary;
  count_equal(data, summary);
  if (data.train->spec().kind != ExampleSpec::Kind::kFeatures) return summary;
  const std::vector<ContractInput> inputs = inputs_of(data, contract);
  const std::size_t shown = std::min(inputs.size(), ExamplesSummary::kMostColumns);
  for (std::size_t c = 0; c < shown; ++c) {
    ColumnSummary column;
    column.name = inputs[c].name;
    for (const std::string& name : inputs[c].categories) column.categories.emplace_back(name, 0);
    column.least = std::numeric_limits<double>::infinity();
    column.most = -column.least;
    summary.columns.push_back(std::move(column));
  }
  for (std::int64_t i = 0; i < data.train->size(); ++i) {
    const auto* values = reinterpret_cast<const float*>(data.train->stored_input(i).values.data());
    for (std::size_t c = 0; c < shown; ++c) {
      add_row(inputs[c], values, 1.0 / static_cast<double>(data.train->size()), summary.columns[c]);
      values += inputs[c].features();
    }
  }
  return summary;
}

}  // namespace coppice
