// What a config may contain, for people: the table in docs/config.md and the annotated file of
// `coppice init`.
#pragma once

#include <string>

#include "core/config_yaml.h"

namespace coppice {

// Every key with its path, allowed values, default and help, through every alternative of every
// variant. `visit` shows a scratch config: its variants, optional groups and lists do not keep
// their values.
std::string write_markdown(const VisitConfig& visit, const Extensions& extensions = {});

// The config as YAML, each key with its help and allowed values in a comment above it.
std::string write_annotated_yaml(const VisitConfig& visit, const Extensions& extensions = {});

}  // namespace coppice
