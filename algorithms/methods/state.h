// Everything that changes during a run: exactly what a checkpoint holds.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "models/mask.h"
#include "models/model_state.h"

namespace coppice {

inline constexpr const char* kMainTrack = "model";
inline constexpr const char* kDenseTrack = "dense";
inline constexpr const char* kWarnings = "warning/";  // of State::texts that the closing report shows

// One model that is being worked on. A run has the main track and, from the cut on, the dense model beside it.
struct Track {
  std::shared_ptr<const ModelState> values;
  std::shared_ptr<const Mask> mask;                               // on `values`' layout; null: nothing dropped
  std::shared_ptr<const Mask> cut;                                // in the dense layout: what `values` was sliced by; or null
  std::map<std::string, std::shared_ptr<const Arena>> server;     // slots of the server optimizer, control variate
};

struct State {
  std::uint64_t run_id = 0;
  std::uint64_t next_plan_id = 1;
  int stage = 0;                   // index into the run's list of stages
  std::int64_t step = 0;           // within the stage; its meaning is the stage's own
  std::int64_t total_rounds = 0;   // of all stages so far; the round of every seed
  std::int64_t steps_done = 0;     // committed steps of all stages: lines of the run's metrics
  std::map<std::string, Track> tracks;
  std::map<std::string, std::vector<double>> numbers;       // named extras: scores, best loss, chosen candidate
  std::map<std::string, std::string> texts;                 // named extras that are words
  std::map<std::string, int> exponents;                     // of each block's last release
  std::map<std::int64_t, std::uint64_t> store_versions;     // client -> plan that last wrote its store
  std::map<std::int64_t, std::string> client_masks;         // client -> digest of the mask it holds, for the traffic ledger
  std::map<std::int64_t, std::string> client_models;        // client -> digest of the frozen model it holds

  Track& track(const std::string& name);                    // throws Error where absent
  const Track& track(const std::string& name) const;
};

}  // namespace coppice
