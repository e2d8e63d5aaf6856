// A data source as people name it on the command line.
#pragma once

#include <string>

#include "data/source.h"

namespace coppice {

// A built-in data set or one that the program adds by name, a file that ends in .csv, or a folder of shards. Throws InputError with the
// nearest name.
SourceConfig named_source(const std::string& text, const Extensions& extensions);

}  // namespace coppice
