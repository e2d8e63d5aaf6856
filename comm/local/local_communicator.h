// Ranks inside one process: the single rank of a program run alone, and a world of threads that share memory.
#pragma once

#include <functional>
#include <memory>

#include "comm/communicator.h"

namespace coppice {

// A world of one: every collective returns at once.
std::unique_ptr<Communicator> make_solo_communicator();

// Calls `body` on `num_ranks` threads, each with its own rank, and returns when all have returned. Collectives touch each
// element once per rank and need no lock beyond two barriers.
//
// An exception in one rank releases the others from the collective they wait in or enter next; afterwards the exception of
// the lowest rank that failed by itself is rethrown here. Ranks that wait for each other for ever (one left, or they called
// different collectives) are released too, with an Error that says so.
void run_local_ranks(int num_ranks, const std::function<void(Communicator&)>& body);

}  // namespace coppice
