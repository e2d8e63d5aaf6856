#include "data/shard.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>
#include <optional>
#include <string_view>

#include "core/error.h"
#include "data/sizes.h"

namespace coppice {
namespace {

using Kind = ExampleSpec::Kind;
using Target = ExampleSpec::Target;

constexpr std::string_view kMagic = "CPPSHARD";
constexpr std::uint32_t kVersion = 1;
constexpr std::int64_t kAlignment = 64;
constexpr std::int64_t kMostColumns = 1024;
constexpr std::size_t kStretch = std::size_t{8} << 20;  // bytes of values between two reports

struct Header {
  char magic[8];
  std::uint32_t version;
  std::uint8_t kind;
  std::uint8_t target;
  std::uint8_t value_bytes;
  std::uint8_t reserved_byte;
  std::uint64_t examples;
  std::uint64_t values;   // in the whole shard: pixels, features, tokens, or words
  std::uint64_t targets;  // of one example: classes 1, multi-label and regression L, next token 0
  std::uint64_t columns;
  std::uint8_t reserved[16];
};
static_assert(sizeof(Header) == kAlignment);

// What stands between the cursor and the end, section by section.
class Sections {
 public:
  Sections(std::span<const std::byte> bytes, const std::string& file) : bytes_(bytes), file_(file) {}

  template <class T>
  std::span<const T> take(std::int64_t count) {
    const std::int64_t factors[] = {count, static_cast<std::int64_t>(sizeof(T))};
    const auto begin = end_;
    const auto padded = checked_sum({checked_product(factors), kAlignment - 1});
    end_ = padded ? checked_sum({begin, *padded / kAlignment * kAlignment}) : std::nullopt;
    if (!end_) throw InputError(file_ + ": the sizes in the header overflow 63 bits");
    if (*end_ > static_cast<std::int64_t>(bytes_.size()))
      return {};  // reported by finish(), which knows the whole size
    return {reinterpret_cast<const T*>(bytes_.data() + *begin), static_cast<std::size_t>(count)};
  }

  void finish() const {
    if (*end_ == static_cast<std::int64_t>(bytes_.size())) return;
    throw InputError(file_ + ": found " + std::to_string(bytes_.size()) + " bytes, expected " + std::to_string(*end_) +
                     " from the header");
  }

 private:
  std::span<const std::byte> bytes_;
  const std::string& file_;
  std::optional<std::int64_t> end_ = kAlignment;  // behind the header
};

template <class A, class B>
void expect(const std::string& file, const char* what, A found, B expected) {
  if (static_cast<std::uint64_t>(found) == static_cast<std::uint64_t>(expected)) return;
  throw InputError(file + ": " + what + ": found " + std::to_string(found) + ", expected " + std::to_string(expected));
}

bool has_offsets(Kind kind) { return kind == Kind::kTokens || kind == Kind::kBagOfWords; }

bool fits(Kind kind, int value_bytes) {
  switch (kind) {
    case Kind::kImage:
      return value_bytes == 1;
    case Kind::kTokens:
      return value_bytes == 2 || value_bytes == 4;
    case Kind::kFeatures:
    case Kind::kBagOfWords:
      return value_bytes == 4;
  }
  return false;
}

std::int64_t targets_of(const ExampleSpec& spec) {
  switch (spec.target) {
    case Target::kClass:
      return 1;
    case Target::kNextToken:
    case Target::kWords:
      return 0;
    case Target::kMultiLabel:
    case Target::kRegression:
      return spec.num_targets;
  }
  return 0;
}

Header read_header(std::span<const std::byte> bytes, const std::string& file) {
  Header header;
  if (bytes.size() < sizeof header) {
    throw InputError(file + ": found " + std::to_string(bytes.size()) +
                     " bytes, expected at least the 64 of a shard's header");
  }
  std::memcpy(&header, bytes.data(), sizeof header);
  if (std::string_view(header.magic, sizeof header.magic) != kMagic) {
    throw InputError(file + ": no shard: found " + quoted({header.magic, sizeof header.magic}) + ", expected " +
                     quoted(kMagic) + " at its start");
  }
  expect(file, "version of the shard format", header.version, kVersion);
  const bool zero = std::all_of(std::begin(header.reserved), std::end(header.reserved), [](auto b) { return b == 0; });
  if (header.reserved_byte != 0 || !zero)
    throw InputError(file + ": found other than 0 in the reserved bytes of the header");
  return header;
}

void check_offsets(std::span<const std::uint64_t> offsets, std::uint64_t values, const std::string& file) {
  bool ascending = offsets.front() == 0 && offsets.back() == values;
  for (std::size_t i = 1; i < offsets.size(); ++i) ascending = ascending && offsets[i - 1] <= offsets[i];
  if (ascending) return;
  throw InputError(file + ": the offsets do not ascend from 0 to the " + std::to_string(values) +
                   " values of the header");
}

}  // namespace

ShardView parse_shard(std::span<const std::byte> bytes, const ExampleSpec& spec, std::int64_t num_columns,
                      const std::string& file) {
  const Header header = read_header(bytes, file);
  expect(file, "kind of example", header.kind, static_cast<int>(spec.kind));
  expect(file, "kind of target", header.target, static_cast<int>(spec.target));
  expect(file, "targets of an example", header.targets, targets_of(spec));
  if (num_columns > kMostColumns) throw InputError(file + ": more than " + std::to_string(kMostColumns) + " columns");
  expect(file, "columns", header.columns, num_columns);
  if (!fits(spec.kind, header.value_bytes)) {
    throw InputError(file + ": " + name_of(spec.kind) + " of " + std::to_string(header.value_bytes) + " bytes a value");
  }

  ShardView shard;
  shard.examples = static_cast<std::int64_t>(header.examples);
  shard.value_bytes = header.value_bytes;
  const auto num_values = static_cast<std::int64_t>(header.values);
  const std::int64_t row_factors[] = {shard.examples, spec.values_per_example()};
  const std::int64_t value_factors[] = {num_values, shard.value_bytes};
  const std::int64_t target_factors[] = {shard.examples, targets_of(spec)};
  const auto expected_values = checked_product(row_factors);
  const auto value_bytes = checked_product(value_factors);
  const auto num_targets = checked_product(target_factors);
  if (!value_bytes || !num_targets || (!has_offsets(spec.kind) && !expected_values)) {
    throw InputError(file + ": the sizes in the header overflow 63 bits");
  }
  if (!has_offsets(spec.kind)) expect(file, "values", header.values, *expected_values);

  Sections sections(bytes, file);
  shard.values = sections.take<std::byte>(*value_bytes);
  if (has_offsets(spec.kind)) {
    const auto bounds = checked_sum({shard.examples, 1});
    shard.offsets = sections.take<std::uint64_t>(bounds.value_or(-1));
  }
  if (spec.kind == Kind::kBagOfWords) shard.counts = sections.take<std::uint32_t>(num_values);
  if (spec.target == Target::kClass) shard.classes = sections.take<std::int32_t>(*num_targets);
  if (spec.target == Target::kMultiLabel) shard.labels = sections.take<std::uint8_t>(*num_targets);
  if (spec.target == Target::kRegression) shard.outputs = sections.take<float>(*num_targets);
  for (std::int64_t c = 0; c < num_columns; ++c) shard.columns.push_back(sections.take<std::int32_t>(shard.examples));
  sections.finish();

  if (has_offsets(spec.kind)) check_offsets(shard.offsets, header.values, file);
  for (const std::uint8_t label : shard.labels) {
    if (label > 1) throw InputError(file + ": found label " + std::to_string(label) + ", expected 0 or 1");
  }
  return shard;
}

void check_shard_values(const ShardView& shard, const ExampleSpec& spec, const std::string& file, const Passed& done) {
  const auto check_below = [&]<class T>(std::span<const T> values, std::int64_t bound) {
    for (const T value : values) {
      if (static_cast<std::int64_t>(value) < bound) continue;
      throw InputError(file + ": found token or word " + std::to_string(value) + ", expected 0.." +
                       std::to_string(bound - 1));
    }
  };
  const auto check_finite = [&](std::span<const float> values, const char* what, std::size_t first) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!std::isfinite(values[i])) {
        throw InputError(file + ": " + what + " " + std::to_string(first + i) + " is " + std::to_string(values[i]) +
                         ", expected a finite number");
      }
    }
  };
  const auto as = []<class T>(std::span<const std::byte> bytes, T) {
    return std::span<const T>(reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T));
  };
  for (std::size_t at = 0; spec.kind != Kind::kImage && at < shard.values.size(); at += kStretch) {
    const auto stretch = shard.values.subspan(at, std::min(kStretch, shard.values.size() - at));
    if (spec.kind == Kind::kFeatures) check_finite(as(stretch, float{}), "feature", at / sizeof(float));
    if (spec.kind == Kind::kTokens && shard.value_bytes == 2) check_below(as(stretch, std::uint16_t{}), spec.vocabulary);
    if (spec.kind == Kind::kTokens && shard.value_bytes == 4) check_below(as(stretch, std::uint32_t{}), spec.vocabulary);
    if (spec.kind == Kind::kBagOfWords) check_below(as(stretch, std::uint32_t{}), spec.shape[0]);
    if (done) done(stretch);
  }
  check_finite(shard.outputs, "output", 0);
}

}  // namespace coppice
