// The files that `coppice new` writes, as they stand in simulations/templates.
#pragma once

#include <map>
#include <string>

namespace coppice {

// "kind/path" -> text, with @name@, @Name@, @kind@, @source@ and @hints@ for what differs; files of "project" belong to every kind.
const std::map<std::string, std::string>& templates();

}  // namespace coppice
