// What is found out about a run's data before anything is computed: that every client's data keeps the contract, what each client holds,
// and that all ranks see the same.
#pragma once

#include <string>

#include "comm/communicator.h"
#include "data/client_manifest.h"
#include "simulations/scenario.h"

namespace coppice {

// A rank looks at every `ranks`-th client, from its own number on. Throws InputError where the data breaks the contract, if there is one.
void check_data(const ScenarioData& data, int rank = 0, int ranks = 1);

// What those clients hold; of the whole run with one rank.
DataManifest manifest_of(const RunConfig& config, const ScenarioData& data, int rank = 0, int ranks = 1);

// One rank's side: its data, its share of the manifest, or the line that says what is wrong with them.
struct DataFindings {
  ScenarioData data;
  DataManifest manifest;
  std::string failure;
};
DataFindings look_at_data(const RunConfig& config, int rank, int ranks);

// Collective; nobody waits for a rank that found something wrong. Rank 0: the manifest of all clients, or InputError naming the first
// rank that failed, or whose contract or data is not that of rank 0. Others: nothing.
class JointData {
 public:
  JointData(Communicator& comm, const DataFindings& mine);
  DataManifest on_rank_0() const;

 private:
  std::vector<std::vector<std::byte>> parts_;
};

// The data that a run began with against what is there now, when it goes on: throws InputError that names the first client whose data
// changed. `file` is the run's data.json.
void check_unchanged(const std::string& file, const std::string& digest_then, const DataManifest& now);

}  // namespace coppice
