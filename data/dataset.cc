#include "data/dataset.h"

#include <bit>
#include <cmath>
#include <utility>

#include "core/error.h"

namespace coppice {
namespace {

static_assert(std::endian::native == std::endian::little, "data files are little-endian and read as they lie");

constexpr std::int64_t kMostValues = std::int64_t{1} << 31;  // of one example

constexpr const char* kKinds[] = {"image", "features", "tokens", "bag-of-words"};
constexpr const char* kTargets[] = {"class", "multi-label", "regression", "next-token", "words"};

template <std::size_t N>
std::size_t index_of(const char* const (&names)[N], std::string_view what, std::string_view name) {
  for (std::size_t i = 0; i < N; ++i) {
    if (name == names[i]) return i;
  }
  throw InputError(unknown_name(what, name, std::vector<std::string>(names, names + N)));
}

[[noreturn]] void no_such_read(const char* what, const ExampleSpec& spec) {
  throw Error(std::string("these examples have no ") + what + ": " + spec.describe());
}

void check_count(const char* what, std::size_t found, std::int64_t expected) {
  if (static_cast<std::int64_t>(found) == expected) return;
  throw InputError(std::string(what) + ": found " + std::to_string(found) + ", expected " + std::to_string(expected));
}

void check_annotations(const ExampleSpec& spec, std::int64_t size, const Annotations& annotations) {
  const bool classes = spec.target == ExampleSpec::Target::kClass;
  const bool values =
      spec.target == ExampleSpec::Target::kMultiLabel || spec.target == ExampleSpec::Target::kRegression;
  check_count("labels", annotations.classes.size(), classes ? size : 0);
  check_count("target values", annotations.targets.size(), values ? size * spec.num_targets : 0);
  for (std::size_t i = 0; i < annotations.classes.size(); ++i) {
    const std::int32_t label = annotations.classes[i];
    if (label >= 0 && label < spec.num_targets) continue;
    throw InputError("label of example " + std::to_string(i) + ": found " + std::to_string(label) + ", expected 0.." +
                     std::to_string(spec.num_targets - 1));
  }
  for (const Column& column : annotations.columns) {
    check_count(("values of column " + quoted(column.name)).c_str(), column.values.size(), size);
  }
  if (!annotations.rows.empty()) check_count("rows of examples", annotations.rows.size(), size);
  if (!annotations.class_names.empty()) check_count("class names", annotations.class_names.size(), spec.num_targets);
}

void add_text(Hasher& hasher, std::string_view text) { hasher.add_value(text.size()).add(text); }

template <class T>
void add_list(Hasher& hasher, const std::vector<T>& values) {
  hasher.add_value(values.size()).add(std::as_bytes(std::span(values)));
}

Digest digest_all(const ExampleSpec& spec, std::int64_t size, const Annotations& annotations, const Digest& inputs) {
  Hasher hasher;
  hasher.add_value(spec.kind).add_value(spec.target).add_value(spec.num_targets).add_value(spec.vocabulary);
  hasher.add_value(spec.pad_token).add_value(size);
  add_list(hasher, spec.shape);
  add_list(hasher, spec.mean);
  add_list(hasher, spec.scale);
  hasher.add_value(inputs.bytes);
  add_list(hasher, annotations.classes);
  add_list(hasher, annotations.targets);
  for (const Column& column : annotations.columns) {
    add_text(hasher, column.name);
    add_list(hasher, column.values);
  }
  return hasher.finish();
}

}  // namespace

const char* name_of(ExampleSpec::Kind kind) { return kKinds[static_cast<std::size_t>(kind)]; }
const char* name_of(ExampleSpec::Target target) { return kTargets[static_cast<std::size_t>(target)]; }
ExampleSpec::Kind example_kind(std::string_view name) {
  return static_cast<ExampleSpec::Kind>(index_of(kKinds, "kind of example", name));
}
ExampleSpec::Target example_target(std::string_view name) {
  return static_cast<ExampleSpec::Target>(index_of(kTargets, "target", name));
}

std::int64_t ExampleSpec::values_per_example() const {
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) count *= extent;
  return count;
}

void ExampleSpec::check() const {
  check_count("dims of an example", shape.size(), kind == Kind::kImage ? 3 : 1);
  std::int64_t values = 1;
  for (const std::int64_t extent : shape) {
    if (extent < 1 || extent > kMostValues / values) {
      throw InputError("shape of an example: found an extent of " + std::to_string(extent) +
                       "; expected extents >= 1 whose product is at most " + std::to_string(kMostValues));
    }
    values *= extent;
  }
  if (num_targets < 1 || num_targets > kMostValues) {
    throw InputError("number of targets: found " + std::to_string(num_targets) + ", expected 1.." +
                     std::to_string(kMostValues));
  }
  if (kind == Kind::kTokens) {
    if (pad_token < 0 || pad_token >= vocabulary) {
      throw InputError("pad token: found " + std::to_string(pad_token) + ", expected one of the vocabulary of " +
                       std::to_string(vocabulary));
    }
    if (target == Target::kNextToken && num_targets != vocabulary) {
      throw InputError("next tokens: found " + std::to_string(num_targets) + " targets, expected the vocabulary of " +
                       std::to_string(vocabulary));
    }
  } else if (target == Target::kNextToken) {
    throw InputError(std::string("next tokens are a target of tokens, not of ") + name_of(kind));
  }
  if (target == Target::kWords && kind != Kind::kBagOfWords) {
    throw InputError(std::string("words are a target of bags of words, not of ") + name_of(kind));
  }
  if (target == Target::kWords && num_targets != shape[0]) {
    throw InputError("words: found " + std::to_string(num_targets) + " targets, expected the vocabulary of " + std::to_string(shape[0]));
  }
  if (mean.empty() && scale.empty()) return;
  if (kind == Kind::kTokens || kind == Kind::kBagOfWords) {
    throw InputError(std::string("mean and scale apply to images and features, not to ") + name_of(kind));
  }
  check_count("entries of `mean`", mean.size(), shape.back());
  check_count("entries of `scale`", scale.size(), shape.back());
  for (const double m : mean) {
    if (!std::isfinite(m)) throw InputError("mean: found " + std::to_string(m) + ", expected a finite number");
  }
  for (const double s : scale) {
    if (!(s > 0.0) || !std::isfinite(s))
      throw InputError("scale: found " + std::to_string(s) + ", expected > 0, finite");
  }
}

std::string ExampleSpec::describe() const {
  std::string text = name_of(kind);
  for (std::size_t i = 0; i < shape.size(); ++i) text.append(i == 0 ? " " : "x").append(std::to_string(shape[i]));
  text.append(", ").append(std::to_string(num_targets));
  switch (target) {
    case Target::kClass:
      return text + " classes";
    case Target::kMultiLabel:
      return text + " labels";
    case Target::kRegression:
      return text + " outputs";
    case Target::kNextToken:
      return text + " next tokens";
    case Target::kWords:
      return text + " words";
  }
  return text;
}

Dataset::Dataset(ExampleSpec spec, std::int64_t size, Annotations annotations, const Digest& inputs)
    : spec_(std::move(spec)), size_(size), annotations_(std::move(annotations)) {
  spec_.check();
  check_annotations(spec_, size_, annotations_);
  digest_ = digest_all(spec_, size_, annotations_, inputs);
}

void Dataset::check(std::span<const std::int64_t> indices) const {
  for (const std::int64_t i : indices) {
    if (i < 0 || i >= size_) {
      throw Error("example " + std::to_string(i) + " does not exist: the data holds " + std::to_string(size_));
    }
  }
}

void Dataset::read_inputs(std::span<const std::int64_t>, float*) const { no_such_read("float inputs", spec_); }
void Dataset::read_tokens(std::span<const std::int64_t>, std::int64_t*) const { no_such_read("tokens", spec_); }
void Dataset::read_next_tokens(std::span<const std::int64_t>, std::int64_t*) const {
  no_such_read("next tokens", spec_);
}
void Dataset::read_lengths(std::span<const std::int64_t>, std::int64_t*) const { no_such_read("lengths", spec_); }

void Dataset::read_classes(std::span<const std::int64_t> indices, std::int64_t* classes_B) const {
  if (spec_.target != ExampleSpec::Target::kClass) no_such_read("classes", spec_);
  check(indices);
  for (const std::int64_t i : indices) *classes_B++ = annotations_.classes[static_cast<std::size_t>(i)];
}

void Dataset::read_targets(std::span<const std::int64_t> indices, float* targets_BL) const {
  if (annotations_.targets.empty() && size_ > 0) no_such_read("target values", spec_);
  check(indices);
  for (const std::int64_t i : indices) {
    const float* row = annotations_.targets.data() + i * spec_.num_targets;
    targets_BL = std::copy(row, row + spec_.num_targets, targets_BL);
  }
}

std::int64_t Dataset::add_example(std::int64_t example, Hasher& hasher) const {
  const StoredInput input = stored_input(example);
  hasher.add_value(input.values.size()).add(input.values).add(input.counts);
  const auto i = static_cast<std::size_t>(example);
  if (!annotations_.classes.empty()) hasher.add_value(annotations_.classes[i]);
  if (!annotations_.targets.empty()) {
    const auto width = static_cast<std::size_t>(spec_.num_targets);
    hasher.add(std::as_bytes(std::span(annotations_.targets).subspan(i * width, width)));
  }
  return static_cast<std::int64_t>(input.values.size() + input.counts.size());
}

Dataset::Place Dataset::place_of(std::int64_t example) const {
  Place place{0, example};
  while (place.file < files().size() && place.row >= files()[place.file].examples) place.row -= files()[place.file++].examples;
  if (!annotations_.rows.empty()) place.row = annotations_.rows[static_cast<std::size_t>(example)];
  return place;
}

std::string Dataset::place_text(std::int64_t example) const {
  const Place place = place_of(example);
  if (place.file >= files().size()) return "example " + std::to_string(example);
  return files()[place.file].name + ": row " + std::to_string(place.row);
}

const Column& Dataset::column(std::string_view name) const {
  for (const Column& column : annotations_.columns) {
    if (column.name == name) return column;
  }
  if (annotations_.columns.empty()) throw InputError("column " + quoted(name) + ": this data has no columns");
  throw InputError(unknown_name("column", name, column_names()));
}

std::vector<std::string> Dataset::column_names() const {
  std::vector<std::string> names;
  for (const Column& column : annotations_.columns) names.push_back(column.name);
  return names;
}

}  // namespace coppice
