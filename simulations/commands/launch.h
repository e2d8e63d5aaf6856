// Brings a session up on the ranks it was started with: MPI's where a launcher started the program, else local threads.
#pragma once

#include "simulations/session.h"

namespace coppice {

int launch(const RunConfig& config, const SessionOptions& options);

}  // namespace coppice
