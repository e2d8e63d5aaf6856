#include "core/config_tree.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace coppice {
namespace {

using Kind = ConfigNode::Kind;

std::vector<std::string> split_path(const ConfigNode& value, const std::string& path) {
  std::vector<std::string> keys;
  std::size_t start = 0;
  while (start <= path.size()) {
    const std::size_t dot = std::min(path.find('.', start), path.size());
    if (dot == start) fail_at(value, path, "an empty key", "KEY.KEY=VALUE");
    keys.push_back(path.substr(start, dot - start));
    start = dot + 1;
  }
  return keys;
}

ConfigNode implied_child(const ConfigNode& value, std::string key) {
  ConfigNode child;
  child.key = std::move(key);
  child.implied = true;
  child.source = value.source;
  return child;
}

// The item of a list is `- name: {...}` or the bare `- name`; "" for anything else.
std::string item_name(const ConfigNode& item) {
  if (item.kind == Kind::kScalar) return item.text;
  return item.kind == Kind::kMap && item.children.size() == 1 ? item.children.front().key : "";
}

void make_item_map(ConfigNode& item) {
  if (item.kind != Kind::kScalar) return;
  ConfigNode fields = implied_child(item, item.text);
  item.kind = Kind::kMap;
  item.children.push_back(std::move(fields));
}

ConfigNode& child_of_map(ConfigNode& node, const std::string& key, const ConfigNode& value) {
  if (node.kind != Kind::kMap) {
    // `partition: dirichlet` is short for `{kind: dirichlet}`.
    if (node.kind == Kind::kScalar) {
      ConfigNode kind = node;
      kind.key = "kind";
      kind.implied = true;
      node.children.push_back(std::move(kind));
    }
    node.implied = node.implied || node.kind == Kind::kNull;
    node.kind = Kind::kMap;
  }
  if (ConfigNode* child = node.find(key)) return *child;
  node.children.push_back(implied_child(value, key));
  return node.children.back();
}

ConfigNode& item_by_index(ConfigNode& list, const std::string& key, const std::string& path, const ConfigNode& value) {
  std::size_t index = 0;
  const auto parsed = std::from_chars(key.data(), key.data() + key.size(), index);
  if (parsed.ec != std::errc{} || index >= list.children.size()) {
    fail_at(value, path, "no such item", "an index below " + std::to_string(list.children.size()));
  }
  return list.children[index];
}

ConfigNode& item_by_name(ConfigNode& list, const std::string& key, const std::string& path, const ConfigNode& value) {
  std::vector<std::string> names;
  ConfigNode* found = nullptr;
  std::size_t matches = 0, first = 0;
  for (std::size_t i = 0; i < list.children.size(); ++i) {
    names.push_back(item_name(list.children[i]));
    if (names.back() != key) continue;
    if (matches++ == 0) {
      found = &list.children[i];
      first = i;
    }
  }
  if (matches > 1) {
    fail_at(value, path, std::to_string(matches) + " items of that name",
            "the index of one, for example " + path.substr(0, path.size() - key.size()) + std::to_string(first) + "." +
                key);
  }
  if (found == nullptr) {
    std::erase(names, "");
    const std::string nearest = nearest_name(key, names);
    fail_at(value, path, "no such item",
            "an index below " + std::to_string(list.children.size()) + " or the name of an item" +
                (nearest.empty() ? "" : " (did you mean '" + nearest + "'?)"));
  }
  make_item_map(*found);
  return found->children.front();
}

}  // namespace

ConfigNode* ConfigNode::find(const std::string& name) {
  if (kind != Kind::kMap) return nullptr;
  const auto found = std::find_if(children.begin(), children.end(), [&](const ConfigNode& c) { return c.key == name; });
  return found == children.end() ? nullptr : &*found;
}

std::string describe(const ConfigNode& node) {
  switch (node.kind) {
    case Kind::kNull:
      return "nothing";
    case Kind::kScalar:
      return node.plain ? quoted(node.text) : "the text " + quoted(node.text);
    case Kind::kList:
      return "a list";
    case Kind::kMap:
      return "a map";
  }
  throw Error("a config node of no kind");
}

std::string message_at(const ConfigNode& node, const std::string& path, const std::string& found,
                       const std::string& expected) {
  std::string message = node.source ? *node.source + ": " : "";
  if (!path.empty()) message += path + ": ";
  message += "found " + found;
  if (node.line > 0) message += " (line " + std::to_string(node.line) + ")";
  return message + "; expected " + expected;
}

void fail_at(const ConfigNode& node, const std::string& path, const std::string& found, const std::string& expected) {
  throw InputError(message_at(node, path, found, expected));
}

std::string join_path(const std::string& path, const std::string& key) {
  const std::string name = key.size() <= 60 ? key : key.substr(0, 60) + "...";
  const std::string shown = quoted(name, 80);
  const std::string printable = shown.substr(1, shown.size() - 2);
  return path.empty() ? printable : path + "." + printable;
}

void apply_override(ConfigNode& root, const std::string& path, ConfigNode value) {
  ConfigNode* node = &root;
  std::string so_far;
  const std::vector<std::string> keys = split_path(value, path);
  for (const std::string& key : keys) {
    so_far = join_path(so_far, key);
    if (node->kind == Kind::kList) {
      const bool is_index = std::all_of(key.begin(), key.end(), [](char c) { return c >= '0' && c <= '9'; });
      node = is_index ? &item_by_index(*node, key, so_far, value) : &item_by_name(*node, key, so_far, value);
      if (is_index && &key != &keys.back()) make_item_map(*node);
    } else {
      node = &child_of_map(*node, key, value);
    }
  }
  value.key = std::move(node->key);
  *node = std::move(value);
}

}  // namespace coppice
