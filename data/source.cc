#include "data/source.h"

#include "core/error.h"

namespace coppice {

LoadedData load_data(const SourceConfig& source) {
  const std::string name = kind_of(source);
  LoadedData data = std::visit([](const auto& chosen) { return load_data(chosen); }, source);
  if (data.train == nullptr || data.test == nullptr || data.train->size() == 0) {
    throw InputError("data source '" + name + "' yields no training examples");
  }
  if (!(data.train->spec() == data.test->spec())) {
    throw InputError("data source '" + name + "': training and test examples differ: " + data.train->spec().describe() +
                     " against " + data.test->spec().describe());
  }
  return data;
}

}  // namespace coppice
