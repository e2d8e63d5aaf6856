// What `coppice check` says of a config before anything is computed: what is trained how often, what a client and a rank will carry.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "simulations/checked_run.h"
#include "simulations/foreseen_rounds.h"
#include "simulations/memory_forecast.h"

namespace coppice {

struct RunForecast {
  std::string model;  // its family
  std::int64_t parameters = 0;
  double flops = 0.0;  // of one sample, forward
  std::int64_t clients = 0;
  std::int64_t samples = 0;                                    // of all clients, to train on
  std::int64_t public_samples = 0;                             // that the coordinator trains on before
  std::vector<std::pair<std::string, std::string>> budget;     // of cuts of units: what, figure
  std::int64_t rounds = 0;                                     // of training, twins included
  std::int64_t samples_trained = 0;                            // about
  std::vector<ForeseenRound> foreseen;                         // a client's costs by stage
  double training_flops = 0.0;                                 // of all clients and rounds, under the mask; about
  MemoryForecast memory;                                       // of the process that has most
  int ranks = 1;                                               // that it was foreseen for
  std::string out;                                             // the folder a run writes to

  std::string text() const;
};

// `checked`: what RunChecker made of `config` and `ranks`.
RunForecast forecast_run(const RunConfig& config, const CheckedRun& checked);

}  // namespace coppice
