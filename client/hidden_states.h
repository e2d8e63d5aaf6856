// What the blocks of a model put out for a client's batches, kept from one plan of a stage to the next: looking into one block after the
// other then passes every block once. A cache: what it holds can be made again from any plan.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "algorithms/exchange/plan.h"

namespace coppice {

class HiddenStates {
 public:
  struct Entry {
    int block = 0;                    // the one that takes `batches`
    std::vector<at::Tensor> batches;  // empty: to be read
    std::int64_t samples = 0;
    double positions = 0.0;           // of all batches (algorithms/exchange/client_cost.h)
  };

  // A client's entry: at most at the task's first block, and empty where the last plan was of another stage or asked for other batches.
  // All other stages' entries go.
  Entry& of(const RoundPlan& plan, const CollectTask& task, std::int64_t client);

 private:
  std::string key_;
  std::map<std::int64_t, Entry> entries_;
};

}  // namespace coppice
