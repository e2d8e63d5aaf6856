#include "data/shard_index.h"

#include <algorithm>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "core/error.h"

namespace coppice {
namespace {

using Json = nlohmann::json;

const char* describe(const Json& value) { return value.type_name(); }

void check_keys(const Json& object, const std::string& where, const std::vector<std::string>& known) {
  if (!object.is_object()) throw InputError(where + ": found " + describe(object) + ", expected an object");
  for (const auto& [key, value] : object.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      throw InputError(where + ": " + unknown_name("key", key, known));
    }
  }
}

const Json& need(const Json& object, const char* key, const std::string& where) {
  const auto found = object.find(key);
  if (found == object.end()) throw InputError(where + ": key '" + key + "' is missing");
  return *found;
}

std::string text(const Json& value, const std::string& where) {
  if (!value.is_string()) throw InputError(where + ": found " + describe(value) + ", expected text");
  return value.get<std::string>();
}

std::int64_t whole(const Json& value, const std::string& where) {
  const bool fits = value.is_number_integer() &&
                    (!value.is_number_unsigned() || value.get<std::uint64_t>() <= std::uint64_t{INT64_MAX});
  if (!fits || value.get<std::int64_t>() < 0) {
    throw InputError(where + ": found " + coppice::quoted(value.dump(-1, ' ', true, Json::error_handler_t::replace)) +
                     ", expected a whole number >= 0");
  }
  return value.get<std::int64_t>();
}

template <class Read>
auto list(const Json& value, const std::string& where, Read read) {
  if (!value.is_array()) throw InputError(where + ": found " + describe(value) + ", expected a list");
  std::vector<decltype(read(value, where))> out;
  for (const Json& item : value) out.push_back(read(item, where + "[" + std::to_string(out.size()) + "]"));
  return out;
}

double number(const Json& value, const std::string& where) {
  if (!value.is_number()) throw InputError(where + ": found " + describe(value) + ", expected a number");
  return value.get<double>();
}

ShardFile shard_file(const Json& item, const std::string& where) {
  check_keys(item, where, {"file", "examples", "bytes", "blake2b"});
  ShardFile shard;
  shard.name = text(need(item, "file", where), where + ".file");
  if (shard.name.empty() || shard.name.find('/') != std::string::npos || shard.name.find('\0') != std::string::npos) {
    throw InputError(where + ".file: found " + coppice::quoted(shard.name) + ", expected a file name without a folder");
  }
  shard.examples = whole(need(item, "examples", where), where + ".examples");
  shard.bytes = whole(need(item, "bytes", where), where + ".bytes");
  try {
    shard.digest = Digest::from_hex(text(need(item, "blake2b", where), where + ".blake2b"));
  } catch (InputError& error) {
    error.within(where + ".blake2b");
    throw;
  }
  return shard;
}

Column column(const Json& item, const std::string& where) {
  check_keys(item, where, {"name", "labels"});
  Column out;
  out.name = text(need(item, "name", where), where + ".name");
  const bool control = std::any_of(out.name.begin(), out.name.end(), [](char c) { return c >= 0 && c < ' '; });
  if (out.name.empty() || control) {
    throw InputError(where + ".name: found " + coppice::quoted(out.name) + ", expected a line of text");
  }
  if (item.contains("labels")) out.labels = list(item["labels"], where + ".labels", text);
  return out;
}

ExampleSpec read_spec(const Json& root) {
  ExampleSpec spec;
  spec.kind = example_kind(text(need(root, "kind", "index"), "kind"));
  spec.shape = list(need(root, "shape", "index"), "shape", whole);
  const Json& target = need(root, "target", "index");
  check_keys(target, "target", {"kind", "count", "names"});
  spec.target = example_target(text(need(target, "kind", "target"), "target.kind"));
  spec.num_targets = whole(need(target, "count", "target"), "target.count");
  if (root.contains("vocabulary")) spec.vocabulary = whole(root["vocabulary"], "vocabulary");
  if (root.contains("pad_token")) spec.pad_token = whole(root["pad_token"], "pad_token");
  if (root.contains("mean")) spec.mean = list(root["mean"], "mean", number);
  if (root.contains("scale")) spec.scale = list(root["scale"], "scale", number);
  spec.check();
  return spec;
}

ShardIndex read_index(const Json& root) {
  check_keys(root, "index",
             {"format", "version", "kind", "shape", "vocabulary", "pad_token", "target", "mean", "scale", "columns",
              "note", "splits"});
  const std::string format = text(need(root, "format", "index"), "format");
  if (format != "coppice-shards")
    throw InputError("format: found " + coppice::quoted(format) + ", expected 'coppice-shards'");
  const std::int64_t version = whole(need(root, "version", "index"), "version");
  if (version != 1) throw InputError("version: found " + std::to_string(version) + ", expected 1");
  ShardIndex index;
  index.spec = read_spec(root);
  if (root["target"].contains("names")) index.class_names = list(root["target"]["names"], "target.names", text);
  if (root.contains("columns")) index.columns = list(root["columns"], "columns", column);
  std::set<std::string> names;
  for (const Column& c : index.columns) {
    if (!names.insert(c.name).second) throw InputError("columns: " + coppice::quoted(c.name) + " stands there twice");
  }
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
