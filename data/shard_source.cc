#include "data/shard_source.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/file.h"
#include "core/pages.h"
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

// Reads a file from end to end, a stretch in memory at a time where `let_go` says so.
void check_digest(const MappedFile& map, const ShardFile& file, const std::string& path, bool let_go) {
  constexpr std::size_t kStretch = std::size_t{8} << 20;
  Hasher hasher;
  for (std::size_t at = 0; at < map.bytes().size(); at += kStretch) {
    const auto stretch = map.bytes().subspan(at, std::min(kStretch, map.bytes().size() - at));
    hasher.add(stretch);
    if (let_go) set_aside_pages(stretch);
  }
  const Digest found = hasher.finish();
  if (found == file.digest) return;
  throw InputError(path + ": found digest " + found.short_hex() + ", expected " + file.digest.short_hex() +
                   " from index.json: the file was changed or damaged");
}

OpenShard open_shard(const std::string& folder, const ShardFile& file, const ShardIndex& index, bool verify, bool let_go) {
  const std::string path = (std::filesystem::path(folder) / file.name).string();
  OpenShard shard;
  shard.map = std::make_shared<const MappedFile>(path);
  const std::span<const std::byte> bytes = shard.map->bytes();
  if (static_cast<std::int64_t>(bytes.size()) != file.bytes) {
    throw InputError(path + ": found " + std::to_string(bytes.size()) + " bytes, expected " +
                     std::to_string(file.bytes) + " from index.json");
  }
  if (verify) check_digest(*shard.map, file, path, let_go);
  shard.view = parse_shard(bytes, index.spec, static_cast<std::int64_t>(index.columns.size()), path);
  if (shard.view.examples != file.examples) {
    throw InputError(path + ": found " + std::to_string(shard.view.examples) + " examples, expected " +
                     std::to_string(file.examples) + " from index.json");
  }
  if (verify) check_shard_values(shard.view, index.spec, path, let_go ? set_aside_pages : Passed());
  return shard;
}

Annotations annotations_of(const std::vector<OpenShard>& shards, const ShardIndex& index, const std::string& folder,
                           const std::vector<ShardFile>& files) {
  Annotations all;
  for (const ShardFile& file : files) all.files.push_back({(std::filesystem::path(folder) / file.name).string(), file.examples});
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
                                          const Digest& inputs, Annotations annotations) {
  const ExampleSpec& spec = index.spec;
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

// So that a run's memory does not grow with its data.
std::shared_ptr<const ResidentBound> bound_of(const std::vector<OpenShard>& shards, std::int64_t most_bytes) {
  auto maps = std::make_shared<std::vector<std::shared_ptr<const MappedFile>>>();
  std::vector<std::span<const std::byte>> mapped;
  for (const OpenShard& shard : shards) {
    maps->push_back(shard.map);
    mapped.push_back(shard.map->bytes());
  }
  return std::make_shared<const ResidentBound>(std::move(maps), std::move(mapped), most_bytes);
}

std::shared_ptr<const Dataset> load_split(const std::string& folder, const std::vector<ShardFile>& files,
                                          const ShardIndex& index, const ShardSource& source) {
  const std::int64_t most_bytes = source.resident_mib << 20;
  std::int64_t all = 0;
  for (const ShardFile& file : files) all += std::min(file.bytes, most_bytes);
  std::vector<OpenShard> shards;
  for (const ShardFile& file : files) shards.push_back(open_shard(folder, file, index, source.verify, all > most_bytes));
  try {
    Annotations annotations = annotations_of(shards, index, folder, files);
    annotations.resident = bound_of(shards, most_bytes);
    const std::shared_ptr<const ResidentBound> resident = annotations.resident;
    auto data = dataset_of(shards, index, inputs_digest(files), std::move(annotations));
    if (resident->is_exceeded_by_all()) resident->let_go();  // targets, columns and offsets were read
    return data;
  } catch (InputError& error) {
    error.within(folder);
    throw;
  }
}

}  // namespace

LoadedData load_data(const ShardSource& source) {
  const std::filesystem::path folder = resolve_data_path(source.path);
  const std::string file = (folder / "index.json").string();
  ShardIndex index = parse_shard_index(read_text_file(file, kMostIndexBytes), file);
  if (source.tokens > 0) {
    if (index.spec.kind != ExampleSpec::Kind::kTokens) {
      throw InputError(file + ": `tokens` sets the length of token examples; found " + index.spec.describe());
    }
    index.spec.shape = {source.tokens};
  }
  LoadedData data{load_split(folder, index.train, index, source), load_split(folder, index.test, index, source), index.note};
  data.sources = std::move(index.sources);
  data.trusted = !source.verify;
  if (std::filesystem::exists(folder / "contract.json")) data.contract = (folder / "contract.json").string();
  return data;
}

}  // namespace coppice
