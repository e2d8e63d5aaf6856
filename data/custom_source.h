// Data from code that is not part of this project: the program that links it fills `loader` before the run starts.
#pragma once

#include <memory>
#include <string>

#include "core/config.h"
#include "core/error.h"
#include "data/loaded_data.h"

namespace coppice {

class DataSource {
 public:
  virtual ~DataSource() = default;
  virtual LoadedData load() const = 0;
};

struct CustomSource {
  static constexpr const char* kName = "custom";

  std::string name;
  std::shared_ptr<const DataSource> loader;

  void visit(FieldVisitor& v) { v.field("name", name, "which of the data sources that the program hands in"); }
};

inline LoadedData load_data(const CustomSource& source) {
  if (source.loader == nullptr) {
    throw InputError("data source 'custom': this program hands in no source named " + coppice::quoted(source.name));
  }
  return source.loader->load();
}

}  // namespace coppice
