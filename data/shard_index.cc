#include "data/shard_index.h"

#include <set>
#include <utility>

#include "core/error.h"
#include "data/json_fields.h"

namespace coppice {
namespace {

using namespace json_fields;

ShardFile shard_file(const Json& item, const std::string& where) {
  check_keys(item, where, {"file", "examples", "bytes", "blake2b"});
  ShardFile shard;
  shard.name = text(need(item, "file", where), where + ".file");
  if (shard.name.empty() || shard.name.find('/') != std::string::npos || shard.name.find('\0') != std::string::npos) {
    throw InputError(where + ".file: found " + coppice::quoted(shard.name) + ", expected a file name without a folder");
  }
  shard.examples = whole(need(item, "examples", where), where + ".examples");
  shard.bytes = whole(need(item, "bytes", where), where + ".bytes");
  shard.digest = digest_field(need(item, "blake2b", where), where + ".blake2b");
  return shard;
}

Column column(const Json& item, const std::string& where) {
  check_keys(item, where, {"name", "labels"});
  Column out;
  out.name = line_of_text(need(item, "name", where), where + ".name");
  if (item.contains("labels")) out.labels = list(item["labels"], where + ".labels", text);
  return out;
}

ShardIndex read_index(const Json& root) {
  check_keys(root, "index",
             {"format", "version", "kind", "shape", "vocabulary", "pad_token", "target", "mean", "scale", "columns",
              "note", "sources", "splits"});
  const std::string format = text(need(root, "format", "index"), "format");
  if (format != "coppice-shards")
    throw InputError("format: found " + coppice::quoted(format) + ", expected 'coppice-shards'");
  const std::int64_t version = whole(need(root, "version", "index"), "version");
  if (version != 1) throw InputError("version: found " + std::to_string(version) + ", expected 1");
  ShardIndex index;
  index.spec = read_spec(root);
  check_keys(root["target"], "target", {"kind", "count", "names"});
  if (root["target"].contains("names")) index.class_names = list(root["target"]["names"], "target.names", text);
  if (root.contains("columns")) index.columns = list(root["columns"], "columns", column);
  std::set<std::string> names;
  for (const Column& c : index.columns) {
    if (!names.insert(c.name).second) throw InputError("columns: " + coppice::quoted(c.name) + " stands there twice");
  }
  if (root.contains("sources")) index.sources = list(root["sources"], "sources", source_file);
  if (root.contains("note")) index.note = text(root["note"], "note");
  const Json& splits = need(root, "splits", "index");
  check_keys(splits, "splits", {"train", "test"});
  index.train = list(need(splits, "train", "splits"), "splits.train", shard_file);
  index.test = list(need(splits, "test", "splits"), "splits.test", shard_file);
  return index;
}

}  // namespace

ShardIndex parse_shard_index(std::string_view json, const std::string& file) {
  const Json root = Json::parse(json.begin(), json.end(), nullptr, false);
  try {
    if (root.is_discarded()) throw InputError("broken JSON");
    return read_index(root);
  } catch (InputError& error) {
    error.within(file);
    throw;
  }
}

}  // namespace coppice
