// What `coppice data inspect --html` writes: data that a person can judge by looking at it, in one file that opens without a network.
#pragma once

#include <string>
#include <vector>

#include "data/inspect.h"
#include "data/loaded_data.h"

namespace coppice {

// An example as it may be shown, and whose it is.
struct ShownExample {
  std::int64_t index = 0;    // in the training data
  std::int64_t client = -1;  // -1: not dealt
};

// `texts`: of the examples in the same order, where they are tokens that can be decoded; else empty. The page shows clients' labels and
// examples: it is for whoever may see the data itself.
std::string data_page(const std::string& title, const LoadedData& data, const DataSummary& summary, const std::vector<ShownExample>& shown,
                      const std::vector<std::string>& texts);

}  // namespace coppice
