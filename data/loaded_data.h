// What every source yields.
#pragma once

#include <memory>
#include <string>

#include "data/dataset.h"

namespace coppice {

struct LoadedData {
  std::shared_ptr<const Dataset> train;
  std::shared_ptr<const Dataset> test;
  std::string
      note;  // what a reader of the results must know about the data, for instance "JPEG re-encoded"; may be empty
};

}  // namespace coppice
