#include "simulations/sweep/sweep_file.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "core/config_reader.h"
#include "core/config_text.h"
#include "core/config_yaml.h"
#include "core/error.h"

namespace coppice {
namespace {

using Kind = ConfigNode::Kind;
namespace fs = std::filesystem;

std::string expected_one_of(const std::string& found, const std::vector<std::string>& names) {
  const std::string nearest = nearest_name(found, names);
  return "one of: " + joined(names, ", ") + (nearest.empty() ? "" : " (did you mean '" + nearest + "'?)");
}

void refuse_others(const ConfigNode& map, const std::string& path, const std::vector<std::string>& known) {
  for (const ConfigNode& child : map.children) {
    if (std::find(known.begin(), known.end(), child.key) != known.end()) continue;
    fail_at(child, join_path(path, child.key), "an unknown key", expected_one_of(child.key, known));
  }
}

// What stands under a map's key; null where it is not there, or nothing is written.
const ConfigNode* map_at(const ConfigNode& map, const std::string& path, const char* key, const char* expected) {
  const ConfigNode* node = map.find(key);
  if (node == nullptr || node->kind == Kind::kNull) return nullptr;
  if (node->kind != Kind::kMap) fail_at(*node, join_path(path, key), describe(*node), expected);
  return node;
}

std::string beside(const std::string& file, const std::string& path) {
  return (fs::path(file).parent_path() / path).lexically_normal().string();
}

std::string config_at(const ConfigNode& map, const std::string& path, const char* key, const std::string& file, std::string otherwise) {
  std::string name;
  FieldReader(map, path).field(key, name, "");
  if (name.empty()) return otherwise;
  const std::string config = beside(file, name);
  if (!fs::is_regular_file(config)) {
    fail_at(*map.find(key), join_path(path, key), coppice::quoted(name) + ", and no file '" + config + "'", "a config's path, seen from the sweep's folder");
  }
  return config;
}

std::vector<KeyValue> overrides_at(const ConfigNode& map, const std::string& path) {
  std::vector<KeyValue> all;
  const ConfigNode* node = map_at(map, path, "set", "a map of KEY.PATH: VALUE");
  if (node == nullptr) return all;
  for (const ConfigNode& child : node->children) all.push_back({child.key, child});
  return all;
}

std::vector<SweepAxis> axes_at(const ConfigNode& root) {
  std::vector<SweepAxis> axes;
  const ConfigNode* grid = map_at(root, "", "grid", "a map of axes");
  if (grid == nullptr) return axes;
  for (const ConfigNode& node : grid->children) {
    const std::string path = join_path("grid", node.key);
    const bool is_short = node.kind == Kind::kList;
    if (!is_short && node.kind != Kind::kMap) {
      fail_at(node, path, describe(node), "KEY.PATH: [VALUES], or NAME: {key: KEY.PATH, values: [VALUES]}");
    }
    SweepAxis axis{.name = node.key, .key = node.key, .values = {}};
    if (!is_short) {
      refuse_others(node, path, {"key", "values"});
      axis.key.clear();
      FieldReader(node, path).field("key", axis.key, "");
    }
    const ConfigNode* values = is_short ? &node : node.find("values");
    const std::string values_path = is_short ? path : join_path(path, "values");
    if (values == nullptr || values->kind != Kind::kList || values->children.empty()) {
      fail_at(values != nullptr ? *values : node, values_path, values != nullptr ? describe(*values) : "nothing", "a list of values");
    }
    for (std::size_t i = 0; i < values->children.size(); ++i) {
      const ConfigNode& value = values->children[i];
      const std::string at = join_path(values_path, std::to_string(i));
      if (value.kind != Kind::kScalar) fail_at(value, at, describe(value), "a single value (arms can `set` more than one)");
      for (const ConfigNode& earlier : axis.values) {
        if (earlier.text == value.text) fail_at(value, at, describe(value) + " a second time", "each value once");
      }
      axis.values.push_back(value);
    }
    axes.push_back(std::move(axis));
  }
  return axes;
}

std::vector<std::string> names_of(const std::vector<SweepAxis>& axes) {
  std::vector<std::string> names;
  for (const SweepAxis& axis : axes) names.push_back(axis.name);
  return names;
}

SweepArm arm_from(const ConfigNode& node, const SweepFile& sweep, const std::string& base) {
  const std::string path = join_path("arms", node.key);
  if (node.kind != Kind::kMap && node.kind != Kind::kNull) fail_at(node, path, describe(node), "a map: {config: FILE, set: {...}, keys: {...}}");
  refuse_others(node, path, {"config", "set", "keys"});
  SweepArm arm{.name = node.key, .config = config_at(node, path, "config", sweep.file, base), .set = overrides_at(node, path), .keys = {}};
  if (arm.config.empty()) fail_at(node, path, "no config", "`config` here, or `base` for all arms");
  for (const SweepAxis& axis : sweep.axes) arm.keys[axis.name] = axis.key;
  if (const ConfigNode* keys = map_at(node, path, "keys", "a map of AXIS: KEY.PATH")) {
    for (const ConfigNode& key : keys->children) {
      const std::string at = join_path(join_path(path, "keys"), key.key);
      if (!arm.keys.contains(key.key)) fail_at(key, at, "no such axis in grid", expected_one_of(key.key, names_of(sweep.axes)));
      if (key.kind != Kind::kScalar) fail_at(key, at, describe(key), "a key path, or none");
      arm.keys[key.key] = key.is_scalar("none") ? "" : key.text;
    }
  }
  for (const SweepAxis& axis : sweep.axes) {
    const bool named = node.find("keys") != nullptr && node.find("keys")->find(axis.name) != nullptr;
    if (arm.keys[axis.name].empty() && !named) {
      fail_at(node, path, "no key for the axis '" + axis.name + "'", "grid." + axis.name + ".key, or " + path + ".keys." + axis.name);
    }
  }
  return arm;
}

void check_seeds(const ConfigNode& root, const std::vector<std::int64_t>& seeds) {
  const std::set<std::int64_t> different(seeds.begin(), seeds.end());
  if (different.empty() || different.size() != seeds.size()) {
    fail_at(*root.find("seeds"), "seeds", different.empty() ? "an empty list" : "a seed twice", "different integers");
  }
}

}  // namespace

void SweepSettings::visit(FieldVisitor& v) {
  v.field("name", name, "name of the sweep; empty = the file's");
  v.field("baseline", baseline, "the arm, or the cell, that others are compared with; empty = none");
  v.field("out", out, "folder to write to; empty = sweeps/<name>");
}

SweepFile read_sweep(const std::string& file) {
  const ConfigNode root = read_settings(file);
  refuse_others(root, "", {"sweep", "base", "set", "arms", "grid", "seeds"});
  SweepFile sweep;
  sweep.file = file;
  FieldReader reader(root, "");
  reader.group("sweep", sweep.settings, "");
  if (sweep.settings.name.empty()) sweep.settings.name = fs::path(file).stem().string();
  if (sweep.settings.out.empty()) sweep.settings.out = "sweeps/" + sweep.settings.name;
  reader.field("seeds", sweep.seeds, "", at_least(0));
  check_seeds(root, sweep.seeds);
  const std::string base = config_at(root, "", "base", file, "");
  sweep.set = overrides_at(root, "");
  sweep.axes = axes_at(root);
  const ConfigNode* arms = map_at(root, "", "arms", "a map of arms");
  if (arms == nullptr || arms->children.empty()) {
    fail_at(arms != nullptr ? *arms : root, "arms", "none", "at least one: NAME: {config: FILE, set: {...}}");
  }
  for (const ConfigNode& node : arms->children) sweep.arms.push_back(arm_from(node, sweep, base));
  return sweep;
}

}  // namespace coppice
