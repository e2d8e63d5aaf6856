// A data source as people name it on the command line.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "data/source.h"

namespace coppice {

struct NamedSource {
  std::string name;  // a built-in data set or one that the program adds, a file that ends in .csv, or a folder of shards
  std::vector<std::string> targets{};  // .csv: its target columns
  std::string task = "class";        // .csv: class, multi-label or regression
};

// --target and --task.
void add_target_options(CLI::App& command, NamedSource& source);

// Throws InputError with the nearest name, for a .csv file without a target, or for a target of anything else.
SourceConfig source_of(const NamedSource& source, const Extensions& extensions);

}  // namespace coppice
