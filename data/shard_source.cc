#include "data/shard_source.h"

#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/file.h"
#include "data/bag_dataset.h"
#include "data/data_files.h"
#include "data/dense_dataset.h"
#include "data/shard.h"
#include "data/shard_index.h"
#include "data/token_dataset.h"

namespace coppice {
namespace {

constexpr std::uint64_t kMostIndexBytes = std::uint64_t{1} << 28;

struct OpenShard {
  std::shared_ptr<const MappedFile> map;
  ShardView view;

  template <class T>
  SharedBytes share(std::span<const T> values) const {
    return {map, std::as_bytes(values)};
  }
};

OpenShard open_shard(const std::string& folder, const ShardFile& file, const ShardIndex& index, bool verify) {
  const std::string path = (std::filesystem::path(folder) / file.name).string();
  OpenShard shard;
  shard.map = std::make_shared<const MappedFile>(path);
  const std::span<const std::byte> bytes = shard.map->bytes();
  if (static_cast<std::int64_t>(bytes.size()) != file.bytes) {
    throw InputError(path + ": found " + std::to_string(bytes.size()) + " bytes, expected " +
                     std::to_string(file.bytes) + " from index.json");
  }
  if (verify) {
    const Digest found = digest_of(bytes);
    if (found != file.digest) {
      throw InputError(path + ": found digest " + found.short_hex() + ", expected " + file.digest.short_hex() +
                       " from index.json: the file was changed or damaged");
    }
  }
  shard.view = parse_shard(bytes, index.spec, static_cast<std::int64_t>(index.columns.size()), path);
  if (shard.view.examples != file.examples) {
    throw InputError(path + ": found " + std::to_string(shard.view.examples) + " examples, expected " +
                     std::to_string(file.examples) + " from index.json");
  }
  if (verify) check_shard_values(shard.view, index.spec, path);
  return shard;
}

Annotations annotations_of(const std::vector<OpenShard>& shards, const ShardIndex& index) {
  Annotations all;
  all.class_names = index.class_names;
  all.columns = index.columns;
  for (const OpenShard& shard : shards) {
    const ShardView& view = shard.view;
    all.classes.insert(all.classes.end(), view.classes.begin(), view.classes.end());
    all.targets.insert(all.targets.end(), view.labels.begin(), view.labels.end());
    all.targets.insert(all.targets.end(), view.outputs.begin(), view.outputs.end());
    for (std::size_t c = 0; c < all.columns.size(); ++c) {
      all.columns[c].values.insert(all.columns[c].values.end(), view.columns[c].begin(), view.columns[c].end());
    }
  }
  for (const Column& column : all.columns) {
    if (column.labels.empty()) continue;
    for (const std::int32_t value : column.values) {
      if (value >= 0 && value < static_cast<std::int64_t>(column.labels.size())) continue;
      throw InputError("column " + coppice::quoted(column.name) + ": found " + std::to_string(value) +
                       ", expected one of its " + std::to_string(column.labels.size()) + " labels");
    }
  }
  return all;
}

// From the shards' digests, so that nothing is read twice.
Digest inputs_digest(const std::vector<ShardFile>& files) {
  Hasher hasher;
  for (const ShardFile& file : files) hasher.add_value(file.digest.bytes);
  return hasher.finish();
}

std::shared_ptr<const Dataset> dataset_of(const std::vector<OpenShard>& shards, const ShardIndex& index,
                                          const Digest& inputs) {
  const ExampleSpec& spec = index.spec;
  Annotations annotations = annotations_of(shards, index);
  switch (spec.kind) {
    case ExampleSpec::Kind::kImage:
    case ExampleSpec::Kind::kFeatures: {
      std::vector<SharedBytes> pieces;
      for (const OpenShard& shard : shards) pieces.push_back(shard.share(shard.view.values));
      if (spec.kind == ExampleSpec::Kind::kImage) {
        return make_images(spec, Rows(std::move(pieces), spec.values_per_example()), std::move(annotations), inputs);
      }
      const auto row_bytes = spec.values_per_example() * static_cast<std::int64_t>(sizeof(float));
      return make_features(spec, Rows(std::move(pieces), row_bytes), std::move(annotations), inputs);
    }
    case ExampleSpec::Kind::kTokens: {
      std::vector<TokenPiece> pieces;
      for (const OpenShard& s : shards) {
        pieces.push_back({s.share(s.view.values), s.share(s.view.offsets), s.view.value_bytes});
      }
      return make_tokens(spec, std::move(pieces), std::move(annotations), inputs);
    }
    case ExampleSpec::Kind::kBagOfWords: {
      std::vector<BagPiece> pieces;
      for (const OpenShard& s : shards) {
        pieces.push_back({s.share(s.view.offsets), s.share(s.view.values), s.share(s.view.counts)});
      }
      return make_bags(spec, std::move(pieces), std::move(annotations), inputs);
    }
  }
  throw Error("unknown kind of example");
}

std::shared_ptr<const Dataset> load_split(const std::string& folder, const std::vector<ShardFile>& files,
                                          const ShardIndex& index, bool verify) {
  std::vector<OpenShard> shards;
  for (const ShardFile& file : files) shards.push_back(open_shard(folder, file, index, verify));
  try {
    return dataset_of(shards, index, inputs_digest(files));
  } catch (InputError& error) {
    error.within(folder);
    throw;
  }
}

}  // namespace

LoadedData load_data(const ShardSource& source) {
  const std::string folder = resolve_data_path(source.path);
  const std::string file = (std::filesystem::path(folder) / "index.json").string();
  ShardIndex index = parse_shard_index(read_text_file(file, kMostIndexBytes), file);
  if (source.tokens > 0) {
    if (index.spec.kind != ExampleSpec::Kind::kTokens) {
      throw InputError(file + ": `tokens` sets the length of token examples; found " + index.spec.describe());
    }
    index.spec.shape = {source.tokens};
  }
  return {load_split(folder, index.train, index, source.verify), load_split(folder, index.test, index, source.verify),
          index.note};
}

}  // namespace coppice
