// One run from config to report, on however many ranks.
#pragma once

#include <string>
#include <vector>

#include "comm/communicator.h"
#include "coordinator/run.h"
#include "core/error.h"
#include "simulations/run_config.h"

namespace coppice {

enum class Resume : std::uint8_t {
  kNever,   // a folder that holds a run is refused
  kAlways,  // a folder that holds none is refused
  kAuto,    // go on where there is something, else start
};

struct SessionOptions {
  std::string config_file;  // for messages
  Resume resume = Resume::kNever;
  std::string command;      // how to go on after a stop, for the closing words
  Extensions extensions = {};  // what plans may name besides the built-in choices; the same on every rank
  std::vector<Observer*> observers = {};  // of rank 0, besides the run's own records
};

// Bad input that every rank was told of: all end by themselves, and none has to be aborted. Rank 0 has the line.
class JointRefusal : public InputError {
 public:
  using InputError::InputError;
};

// Called on every rank; rank 0 coordinates, and its exit code is the run's. Throws JointRefusal on rank 0, and returns kBadInput on the
// others, where the input is found bad by a check of all ranks; what else is thrown leaves the other ranks waiting.
int run_session(const RunConfig& config, const SessionOptions& options, Communicator& comm);

}  // namespace coppice
