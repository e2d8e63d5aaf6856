// What every source yields.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/shard_index.h"

namespace coppice {

struct LoadedData {
  std::shared_ptr<const Dataset> train;
  std::shared_ptr<const Dataset> test;
  std::string
      note;  // what a reader of the results must know about the data, for instance "JPEG re-encoded"; may be empty
  std::vector<std::string> input_names = {};  // of features, where a source has some
  std::vector<SourceFile> sources = {};       // what the files were converted from, where they say
  std::string contract = "";                  // a contract.json that lies beside the data
  bool trusted = false;                       // nothing more is read at the start than has to be
};

}  // namespace coppice
