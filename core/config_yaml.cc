#include "core/config_yaml.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <utility>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "core/config_reader.h"
#include "core/config_tree.h"
#include "core/config_writer.h"
#include "core/file.h"

namespace coppice {
namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 20;
constexpr std::size_t kMostNodes = 20'000;  // with all that anchors copy, so that a few lines cannot unfold to billions
constexpr const char* kMostNodesText = "at most 20000 values";
constexpr std::size_t kMostDepth = 40;

using Kind = ConfigNode::Kind;

// Builds the tree from parser events: unlike a loaded YAML::Node they show duplicate keys, quotes
// and aliases as such.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(std::shared_ptr<const std::string> source) : source_(std::move(source)) {}

  ConfigNode take_root() {
    if (list_as_key_) throw InputError(*list_as_key_);
    return std::move(root_);
  }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add(made(mark, Kind::kNull), anchor); }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    ConfigNode node = made(mark, Kind::kScalar);
    node.plain = tag == "?";
    node.text = value;
    refuse_tag(node, tag);
    add(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchored_.find(anchor);
    ConfigNode node = made(mark, Kind::kScalar);
    if (found == anchored_.end()) fail_at(node, path(), "an alias within what it stands for", "a value");
    node = found->second;
    count(node);
    refuse_depth(node, open_.size() + depth_of(node));
    node.key.clear();
    node.line = mark.line + 1;
    add(std::move(node), 0);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    start(made(mark, Kind::kList), tag, anchor);
  }
  void OnSequenceEnd() override { end(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    start(made(mark, Kind::kMap), tag, anchor);
  }
  void OnMapEnd() override { end(); }

 private:
  struct Open {
    ConfigNode node;
    YAML::anchor_t anchor;
    std::string key;  // of the value that comes next
    bool has_key = false;
  };

  ConfigNode made(const YAML::Mark& mark, Kind kind) const {
    ConfigNode node;
    node.kind = kind;
    node.line = mark.line + 1;
    node.source = source_;
    return node;
  }

  std::string path() const {
    std::string out;
    for (const Open& open : open_) {
      if (open.node.kind == Kind::kList) out = join_path(out, std::to_string(open.node.children.size()));
      if (open.has_key) out = join_path(out, open.key);
    }
    return out;
  }

  void refuse_tag(const ConfigNode& node, const std::string& tag) const {
    if (!tag.empty() && tag != "?" && tag != "!")
      fail_at(node, path(), "the tag " + quoted(tag), "a value without a tag");
  }

  void refuse_depth(const ConfigNode& node, std::size_t depth) const {
    if (depth > kMostDepth) fail_at(node, "", "deeper nesting", "at most " + std::to_string(kMostDepth) + " levels");
  }

  static std::size_t depth_of(const ConfigNode& node) {
    std::size_t depth = 0;
    for (const ConfigNode& child : node.children) depth = std::max(depth, depth_of(child));
    return depth + 1;
  }

  void count(const ConfigNode& node) {
    if (++nodes_ > kMostNodes) fail_at(node, "", "more", kMostNodesText);
    for (const ConfigNode& child : node.children) count(child);
  }

  void start(ConfigNode node, const std::string& tag, YAML::anchor_t anchor) {
    refuse_tag(node, tag);
    refuse_depth(node, open_.size() + 1);
    open_.push_back({std::move(node), anchor, "", false});
  }

  void end() {
    Open closed = std::move(open_.back());
    open_.pop_back();
    add(std::move(closed.node), closed.anchor);
  }

  void add(ConfigNode node, YAML::anchor_t anchor) {
    if (++nodes_ > kMostNodes) fail_at(node, "", "more", kMostNodesText);
    if (anchor != 0) {
      count(node);
      anchored_[anchor] = node;
    }
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == Kind::kList) {
      parent.node.children.push_back(std::move(node));
    } else if (parent.has_key) {
      node.key = std::move(parent.key);
      parent.has_key = false;
      parent.node.children.push_back(std::move(node));
    } else {
      take_key(parent, node);
    }
  }

  void take_key(Open& parent, const ConfigNode& node) {
    if (node.kind != Kind::kScalar) {
      // Kept for the end: to yaml-cpp a list without its closing bracket looks like a key first.
      if (!list_as_key_) list_as_key_ = message_at(node, path(), describe(node) + " as a key", "a name as the key");
    } else if (const ConfigNode* earlier = parent.node.find(node.text)) {
      fail_at(node, join_path(path(), node.text), "the key a second time",
              "it once; the first is in line " + std::to_string(earlier->line));
    }
    parent.key = node.text;
    parent.has_key = true;
  }

  std::shared_ptr<const std::string> source_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, ConfigNode> anchored_;
  std::size_t nodes_ = 0;
  ConfigNode root_;
  std::optional<std::string> list_as_key_;
};

void refuse_bytes_no_yaml_has(const std::string& name, const std::string& text) {
  if (text.size() > kMostBytes) {
    throw InputError(name + ": found " + std::to_string(text.size()) + " bytes; expected at most " +
                     std::to_string(kMostBytes));
  }
  // yaml-cpp takes some control characters for the end of the text and would drop the rest without
  // a word.
  const auto control = std::find_if(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' && c != '\r';
  });
  if (control == text.end()) return;
  throw InputError(name + ": line " + std::to_string(std::count(text.begin(), control, '\n') + 1) +
                   ": malformed YAML: the control character " + quoted(std::string(1, *control)));
}

ConfigNode parse(const std::string& name, const std::string& text) {
  refuse_bytes_no_yaml_has(name, text);
  TreeBuilder builder(std::make_shared<const std::string>(name));
  std::istringstream stream(text);
  try {
    YAML::Parser parser(stream);
    if (parser.HandleNextDocument(builder)) {
      ConfigNode root = builder.take_root();
      TreeBuilder rest(std::make_shared<const std::string>(name));
      if (parser.HandleNextDocument(rest)) throw InputError(name + ": found a second document (`---`); expected one");
      return root;
    }
  } catch (const YAML::Exception& error) {
    const std::string where = error.mark.is_null() ? ""
                                                   : "line " + std::to_string(error.mark.line + 1) + ", column " +
                                                         std::to_string(error.mark.column + 1) + ": ";
    throw InputError(name + ": " + where + "malformed YAML: " + error.msg);
  }
  return builder.take_root();
}

}  // namespace

ConfigNode parse_settings(const std::string& name, const std::string& text) {
  ConfigNode root = parse(name, text);
  if (root.kind == Kind::kNull) {  // an empty file: every default
    root.kind = Kind::kMap;
    root.source = std::make_shared<const std::string>(name);
  }
  if (root.kind != Kind::kMap) fail_at(root, "", describe(root), "a map of settings");
  return root;
}

ConfigNode read_settings(const std::string& file) { return parse_settings(file, read_text_file(file, kMostBytes)); }

void apply_override(ConfigNode& root, const std::string& text) {
  const std::string source = "--set " + quoted(text).substr(1, quoted(text).size() - 2);
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos) throw InputError(source + ": found no '='; expected KEY.PATH=VALUE");
  ConfigNode value = parse(source, text.substr(equals + 1));
  value.source = std::make_shared<const std::string>(source);
  value.line = 0;
  apply_override(root, text.substr(0, equals), std::move(value));
}

void read_tree(const ConfigNode& root, const VisitConfig& visit, const Extensions& extensions) {
  FieldReader reader(root, "", &extensions);
  visit(reader);
  reader.refuse_unknown_keys();
}

void read_yaml_text(const std::string& name, const std::string& text, const std::vector<std::string>& overrides,
                    const VisitConfig& visit, const Extensions& extensions) {
  ConfigNode root = parse_settings(name, text);
  for (const std::string& one : overrides) apply_override(root, one);
  read_tree(root, visit, extensions);
}

void read_yaml(const std::string& file, const std::vector<std::string>& overrides, const VisitConfig& visit,
               const Extensions& extensions) {
  read_yaml_text(file, read_text_file(file, kMostBytes), overrides, visit, extensions);
}

std::string write_yaml(const VisitConfig& visit) {
  FieldWriter writer(FieldWriter::Comments::kNone);
  visit(writer);
  return writer.text();
}

}  // namespace coppice
