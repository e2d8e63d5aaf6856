// A config as parsed but not yet understood: maps, lists and scalars with the line they came from.
// Overrides edit it before the fields are read, so that a file and `--set` obey the same rules and
// give the same errors.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/error.h"

namespace coppice {

struct ConfigNode {
  enum class Kind : std::uint8_t { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  bool plain = true;     // a scalar without quotes
  bool implied = false;  // made on the way to an override, not written by the person
  int line = 0;          // from 1; 0 for an override
  std::string key;       // inside a map
  std::string text;      // of a scalar
  std::vector<ConfigNode> children;
  std::shared_ptr<const std::string> source;  // the file, or "--set a.b=c"

  ConfigNode* find(const std::string& name);
  const ConfigNode* find(const std::string& name) const { return const_cast<ConfigNode*>(this)->find(name); }
  bool is_scalar(const char* value) const { return kind == Kind::kScalar && text == value; }
};

// "a map", "'abc'", "nothing": what stands at the node, for an error line.
std::string describe(const ConfigNode& node);

// "SOURCE: PATH: found FOUND (line N); expected EXPECTED".
std::string message_at(const ConfigNode& node, const std::string& path, const std::string& found,
                       const std::string& expected);
[[noreturn]] void fail_at(const ConfigNode& node, const std::string& path, const std::string& found,
                          const std::string& expected);

std::string join_path(const std::string& path, const std::string& key);

// Puts `value` at `path` ("data.partition.alpha"). Maps on the way are made where they are missing.
// An item of a list is named by its index ("stages.0.warmup.rounds") or, where it is the only one
// of its kind, by its name ("stages.warmup.rounds").
void apply_override(ConfigNode& root, const std::string& path, ConfigNode value);

}  // namespace coppice
