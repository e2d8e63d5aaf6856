#include "data/contract_check.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <tuple>

#include "core/error.h"

namespace coppice {
namespace {

using Kind = ExampleSpec::Kind;
using Target = ExampleSpec::Target;

constexpr std::size_t kMostNames = 10;

std::string show(double value) {
  char text[40];
  std::snprintf(text, sizeof(text), "%g", value);
  return text;
}

std::string one_of(const std::vector<std::string>& names) {
  std::string text = "one of: ";
  for (std::size_t i = 0; i < std::min(names.size(), kMostNames); ++i) text += (i > 0 ? ", " : "") + quoted(names[i]);
  return text + (names.size() > kMostNames ? ", ..." : "");
}

template <class T>
void expect(const std::string& what, const char* of, const T& found, const T& expected) {
  if (found == expected) return;
  throw InputError(what + ": " + of + ": found " + std::to_string(found) + ", expected " + std::to_string(expected) + " as the contract says");
}

class Checker {
 public:
  Checker(const DataContract& contract, const Dataset& data, const std::string& holder)
      : contract_(contract), data_(data), holder_(holder) {}

  void classes(std::span<const std::int64_t> examples) const {
    const std::vector<std::string>& names = data_.class_names();
    const std::vector<std::string>& agreed = contract_.target_names;
    std::vector<bool> known(static_cast<std::size_t>(data_.spec().num_targets));
    for (std::size_t k = 0; k < known.size(); ++k) {
      known[k] = names.empty() || agreed.empty() ? static_cast<std::int64_t>(k) < contract_.spec.num_targets
                                                 : std::find(agreed.begin(), agreed.end(), names[k]) != agreed.end();
    }
    for (const std::int64_t i : examples) {
      const auto k = static_cast<std::size_t>(data_.classes()[static_cast<std::size_t>(i)]);
      if (known[k]) continue;
      fail(i, "label", "class " + (names.empty() ? std::to_string(k) : quoted(names[k])),
           agreed.empty() ? "0.." + std::to_string(contract_.spec.num_targets - 1) : one_of(agreed));
    }
  }

  void outputs(std::span<const std::int64_t> examples) const {
    std::vector<float> row(contract_.target_least.size());
    for (const std::int64_t i : examples) {
      data_.read_targets(std::span(&i, 1), row.data());
      for (std::size_t k = 0; k < row.size(); ++k) {
        const std::string name = contract_.target_names.empty() ? std::to_string(k) : contract_.target_names[k];
        in_range(i, "target " + quoted(name), static_cast<double>(row[k]), contract_.target_least[k], contract_.target_most[k]);
      }
    }
  }

  void inputs(std::span<const std::int64_t> examples) const {
    for (const std::int64_t i : examples) {
      const auto* values = reinterpret_cast<const float*>(data_.stored_input(i).values.data());
      for (const ContractInput& in : contract_.inputs) {
        in.categories.empty() ? numbers(i, in, values) : category(i, in, values);
        values += in.features();
      }
    }
  }

 private:
  [[noreturn]] void fail(std::int64_t example, const std::string& column, const std::string& found, const std::string& expected) const {
    throw InputError(data_.place_text(example) + ": " + column + " (" + holder_ + "): found " + found + ", expected " + expected);
  }

  void in_range(std::int64_t example, const std::string& column, double value, double least, double most) const {
    if (least <= value && value <= most) return;
    fail(example, column, show(value), show(least) + ".." + show(most));
  }

  void numbers(std::int64_t example, const ContractInput& in, const float* values) const {
    const std::string column = "column " + quoted(in.name);
    for (std::int64_t k = 0; k < in.width; ++k) {
      const auto value = static_cast<double>(values[k]);
      if (std::isnan(value)) fail(example, column, "a missing value", show(in.least) + ".." + show(in.most));
      in_range(example, column, value, in.least, in.most);
    }
    if (in.missing && values[in.width] != 0.0F && values[in.width] != 1.0F) {
      fail(example, column, show(static_cast<double>(values[in.width])) + " behind it", "1 where it is missing, else 0");
    }
  }

  void category(std::int64_t example, const ContractInput& in, const float* values) const {
    std::int64_t set = 0;
    bool sound = true;
    for (std::size_t k = 0; k < in.categories.size(); ++k) {
      set += values[k] == 1.0F ? 1 : 0;
      sound = sound && (values[k] == 0.0F || values[k] == 1.0F);
    }
    if (sound && (set == 1 || (set == 0 && in.missing))) return;
    const std::string found = !sound ? "other than 0 and 1" : set == 0 ? "a missing value" : std::to_string(set) + " categories at once";
    fail(example, "column " + quoted(in.name), found, one_of(in.categories));
  }

  const DataContract& contract_;
  const Dataset& data_;
  const std::string& holder_;
};

}  // namespace

void check_kind(const DataContract& contract, const Dataset& data, const std::string& what) {
  const ExampleSpec& found = data.spec();
  const ExampleSpec& agreed = contract.spec;
  const bool shapes = found.kind == Kind::kTokens || found.shape == agreed.shape;
  if (found.kind != agreed.kind || found.target != agreed.target || !shapes) {
    throw InputError(what + ": found " + found.describe() + ", expected " + agreed.describe() + " as the contract says");
  }
  // Classes are compared one by one, so that the one that is too many is named.
  if (agreed.target != Target::kClass) expect(what, "labels or outputs", found.num_targets, agreed.num_targets);
  expect(what, "vocabulary", found.vocabulary, agreed.vocabulary);
  expect(what, "pad token", found.pad_token, agreed.pad_token);
  for (const auto& [name, own, theirs] : {std::tuple{"mean", &found.mean, &agreed.mean}, std::tuple{"scale", &found.scale, &agreed.scale}}) {
    if (theirs->empty() || *own == *theirs) continue;
    std::size_t k = 0;
    while (k < own->size() && (*own)[k] == (*theirs)[k]) ++k;
    throw InputError(what + ": " + name + ": found " + (k < own->size() ? show((*own)[k]) : "none") + ", expected " + show((*theirs)[k]) +
                     " as the contract says; to_shards.py --contract normalises alike");
  }
  const std::vector<std::string> columns = data.column_names();
  for (const std::string& name : contract.columns) {
    if (std::find(columns.begin(), columns.end(), name) == columns.end()) {
      throw InputError(what + ": found no column " + quoted(name) + ", expected one as the contract says");
    }
  }
}

void check_examples(const DataContract& contract, const Dataset& data, std::span<const std::int64_t> examples,
                    const std::string& holder, bool values) {
  const Checker checker(contract, data, holder);
  if (contract.spec.target == Target::kClass) checker.classes(examples);
  if (contract.spec.target == Target::kRegression && !contract.target_least.empty()) checker.outputs(examples);
  if (values && !contract.inputs.empty()) checker.inputs(examples);
}

void check_classes(const DataContract& contract, const Dataset& data, const std::string& what) {
  const std::vector<std::string>& names = data.class_names();
  const std::vector<std::string>& agreed = contract.target_names;
  for (std::size_t k = 0; k < std::min(names.size(), agreed.size()); ++k) {
    if (names[k] == agreed[k]) continue;
    throw InputError(what + ": class " + std::to_string(k) + ": found " + quoted(names[k]) + ", expected " + quoted(agreed[k]) +
                     " as the contract numbers them; to_shards.py --contract numbers alike");
  }
  expect(what, "classes", data.spec().num_targets, contract.spec.num_targets);
}

}  // namespace coppice
