// Durable states: `<run>/checkpoint/` holds one manifest and the tensors it names.
//
// Tensors are safetensors files named by the digest of what they hold, so a state writes only what changed since the last; the
// manifest is replaced atomically, and a crash at any point leaves the old state or the new. Files that no manifest names any
// more go afterwards.
#pragma once

#include <set>
#include <string>

#include "algorithms/methods/state.h"

namespace coppice {

// What must agree for a resume to give the bits of an uninterrupted run.
struct Fingerprint {
  std::string binary;       // digest of the program
  std::string instruction_set;
  std::string device;
  std::int64_t threads = 1;  // a rank

  std::string differences(const Fingerprint& other) const;  // "" where equal
};
Fingerprint fingerprint_of_this_process();

class Checkpoint {
 public:
  // `config_digest` ties the checkpoint to the resolved config it belongs to.
  Checkpoint(std::string folder, std::string config_digest, Fingerprint fingerprint);

  bool exists() const;
  // From then on the state's large models (models/state_file.h) lie in the files that were written, not in memory: what is not in use
  // takes none.
  void save(State& state);
  // Whether a save would move a model there.
  static bool would_move(const State& state);
  // Throws InputError on a damaged file or another run's config. `warning` takes what differs in the fingerprint.
  State load(std::string& warning);

 private:
  std::string path(const std::string& name) const { return folder_ + "/" + name; }

  std::string folder_;
  std::string config_digest_;
  Fingerprint fingerprint_;
  std::set<std::string> written_;  // tensor files known to be complete on disk
};

}  // namespace coppice
