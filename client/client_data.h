// The data of all the virtual clients that a rank may be asked to play.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "algorithms/exchange/plan.h"
#include "algorithms/methods/cohort.h"
#include "data/dataset.h"
#include "data/partition.h"

namespace coppice {

struct ClientData {
  std::shared_ptr<const Dataset> train;  // of the train and the select split
  std::shared_ptr<const Dataset> test;
  Partition train_samples;
  Partition select_samples;  // held out at each client; may be empty
  Partition test_samples;    // the test set dealt to test clients

  const Dataset& dataset(Split split) const { return split == Split::kTest ? *test : *train; }
  std::span<const std::int64_t> samples(Split split, std::int64_t client) const;
  Population population() const;
};

}  // namespace coppice
