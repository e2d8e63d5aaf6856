// The data of all the virtual clients that a rank may be asked to play.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "algorithms/exchange/plan.h"
#include "algorithms/methods/cohort.h"
#include "data/augment.h"
#include "data/dataset.h"
#include "data/holdout.h"
#include "data/partition.h"

namespace coppice {

struct ClientData {
  std::shared_ptr<const Dataset> train;  // of the train and the select split
  std::shared_ptr<const Dataset> test;
  Holdout clients;         // what each client trains on and what it keeps apart to choose by
  Partition test_clients;  // the test set dealt to test clients
  Augmenter augmenter = {};  // of what is trained on

  const Dataset& dataset(Split split) const { return split == Split::kTest ? *test : *train; }
  std::span<const std::int64_t> samples(Split split, std::int64_t client) const;
  Population population() const;
};

}  // namespace coppice
