// Python's dicts, lists and scalars as config trees and back, so that settings from Python meet the same readers as those of a file.
#pragma once

#include <string>
#include <utility>

#include "core/config_yaml.h"
#include "python/bindings.h"

namespace coppice {

// `source` stands in errors where a file's name would. Throws InputError on keys that are no text and on values that no config has.
ConfigNode tree_of(nb::handle object, const std::string& source);

nb::object object_of(const ConfigNode& node);

// A struct with visit() as a dict of its fields.
template <class Struct>
nb::object object_of_fields(Struct value) {
  return object_of(parse_settings("settings", write_config(std::move(value))));
}

}  // namespace coppice
