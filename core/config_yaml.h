// Configs from YAML and back.
//
//   QuickConfig config = read_config<QuickConfig>("configs/quickstart.yaml",
//   {"data.partition.alpha=0.1"}); std::string resolved = write_config(config);   // every field,
//   in visiting order; reads back to an equal config
//
// An override is "a.b=VALUE", VALUE being YAML; apply_override in core/config_tree.h says how items
// of lists are named. What is wrong in the file or in an override throws InputError: "FILE:
// KEY.PATH: found X (line N); expected Y (did you mean Z?)". `extensions`: what the program adds to
// the built-in choices; a config that holds one is written without them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/config.h"
#include "core/config_tree.h"

namespace coppice {

using VisitConfig = std::function<void(FieldVisitor&)>;

// The tree of a file or of a text before its fields are read, for who edits it first: a map, also where nothing is written.
ConfigNode read_settings(const std::string& file);
ConfigNode parse_settings(const std::string& name, const std::string& text);
void apply_override(ConfigNode& root, const std::string& text);  // "a.b=VALUE"
void read_tree(const ConfigNode& root, const VisitConfig& visit, const Extensions& extensions = {});

void read_yaml(const std::string& file, const std::vector<std::string>& overrides, const VisitConfig& visit,
               const Extensions& extensions = {});
// The same from text; `name` stands in the errors where the file's name would.
void read_yaml_text(const std::string& name, const std::string& text, const std::vector<std::string>& overrides,
                    const VisitConfig& visit, const Extensions& extensions = {});
std::string write_yaml(const VisitConfig& visit);

template <class Config>
Config read_config(const std::string& file, const std::vector<std::string>& overrides = {}, const Extensions& extensions = {}) {
  Config config;
  read_yaml(file, overrides, [&config](FieldVisitor& v) { config.visit(v); }, extensions);
  return config;
}

template <class Config>
std::string write_config(Config config) {
  return write_yaml([&config](FieldVisitor& v) { config.visit(v); });
}

}  // namespace coppice
