# Writes SOURCE, a table of the files under FOLDER, so that `coppice new` needs nothing but the program: {"kind/path", "text"}. A file's
# suffix .in only keeps it from being taken for a source of this tree.
file(GLOB_RECURSE files RELATIVE "${FOLDER}" "${FOLDER}/*.in")
set(table "")
foreach(file IN LISTS files)
  file(READ "${FOLDER}/${file}" text)
  string(REGEX REPLACE "\\.in$" "" path "${file}")
  string(APPEND table "    {\"${path}\", R\"TEMPLATE(${text})TEMPLATE\"},\n")
endforeach()
file(CONFIGURE OUTPUT "${SOURCE}" CONTENT [[
#include "simulations/commands/templates.h"

namespace coppice {

const std::map<std::string, std::string>& templates() {
  static const std::map<std::string, std::string> kTemplates = {
@table@  };
  return kTemplates;
}

}  // namespace coppice
]] @ONLY)
