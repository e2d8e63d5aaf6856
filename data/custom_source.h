// Data from code that is not part of this project: an interface of core/extensions.h.
#pragma once

#include "core/config.h"
#include "data/loaded_data.h"

namespace coppice {

class DataSource {
 public:
  using Interface = DataSource;
  virtual ~DataSource() = default;
  virtual void visit(FieldVisitor&) {}
  // Every rank loads for itself and must get the same. Throws InputError where the data is absent or damaged.
  virtual LoadedData load() const = 0;
};

inline LoadedData load_data(const Custom<DataSource>& source) { return source->load(); }

}  // namespace coppice
