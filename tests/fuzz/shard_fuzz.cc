// A shard of arbitrary bytes, whose kind the first byte chooses: an InputError, or a data set all of whose examples can
// be read.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <span>
#include <vector>

#include "core/error.h"
#include "data/bag_dataset.h"
#include "data/dense_dataset.h"
#include "data/shard.h"
#include "data/token_dataset.h"

namespace {

using coppice::Annotations;
using coppice::Dataset;
using coppice::ExampleSpec;
using coppice::ShardView;
using coppice::SharedBytes;
using Kind = ExampleSpec::Kind;
using Target = ExampleSpec::Target;

ExampleSpec spec_of(std::uint8_t choice) {
  ExampleSpec spec;
  spec.kind = static_cast<Kind>(choice % 4);
  spec.target = static_cast<Target>(choice / 4 % 4);
  spec.shape = spec.kind == Kind::kImage ? std::vector<std::int64_t>{1, 2, 1} : std::vector<std::int64_t>{3};
  spec.num_targets = 2;
  if (spec.kind == Kind::kTokens) {
    spec.vocabulary = 10;
    if (spec.target == Target::kNextToken) spec.num_targets = spec.vocabulary;
  }
  spec.check();
  return spec;
}

// The view outlives the data set here, so nothing owns the bytes.
template <class T>
SharedBytes borrowed(std::span<const T> values) {
  return {nullptr, std::as_bytes(values)};
}

std::shared_ptr<const Dataset> dataset_of(const ExampleSpec& spec, const ShardView& shard) {
  Annotations annotations;
  annotations.classes.assign(shard.classes.begin(), shard.classes.end());
  annotations.targets.assign(shard.labels.begin(), shard.labels.end());
  annotations.targets.insert(annotations.targets.end(), shard.outputs.begin(), shard.outputs.end());
  switch (spec.kind) {
    case Kind::kImage:
      return coppice::make_images(spec, {{borrowed(shard.values)}, 2}, annotations);
    case Kind::kFeatures:
      return coppice::make_features(spec, {{borrowed(shard.values)}, 12}, annotations);
    case Kind::kTokens:
      return coppice::make_tokens(spec, {{borrowed(shard.values), borrowed(shard.offsets), shard.value_bytes}},
                                  annotations);
    case Kind::kBagOfWords:
      return coppice::make_bags(spec, {{borrowed(shard.offsets), borrowed(shard.values), borrowed(shard.counts)}},
                                annotations);
  }
  std::abort();
}

void read_all(const Dataset& data) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(data.size()));
  std::iota(indices.begin(), indices.end(), 0);
  const auto values = static_cast<std::size_t>(data.size() * data.spec().values_per_example());
  if (data.spec().kind == Kind::kTokens) {
    std::vector<std::int64_t> tokens(values), lengths(indices.size());
    data.read_tokens(indices, tokens.data());
    data.read_lengths(indices, lengths.data());
    for (const std::int64_t token : tokens) {
      if (token < 0 || token >= data.spec().vocabulary) std::abort();
    }
  } else {
    std::vector<float> x(values);
    data.read_inputs(indices, x.data());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  try {
    const ExampleSpec spec = spec_of(data[0]);
    // Mapped files are aligned; the fuzzer's bytes behind the first are not.
    std::vector<std::uint64_t> aligned((size - 1 + 7) / 8);
    if (size > 1) std::memcpy(aligned.data(), data + 1, size - 1);
    const auto bytes = std::as_bytes(std::span(aligned)).first(size - 1);
    const ShardView shard = coppice::parse_shard(bytes, spec, data[0] / 16 % 2, "input");
    const auto dataset = dataset_of(spec, shard);
    const bool sound = [&] {
      try {
        coppice::check_shard_values(shard, spec, "input");
        return true;
      } catch (const coppice::InputError&) {
        return false;
      }
    }();
    try {
      read_all(*dataset);
    } catch (const coppice::InputError&) {
      if (sound) std::abort();
    }
  } catch (const coppice::InputError&) {
  }
  return 0;
}
