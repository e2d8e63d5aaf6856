// The ranks of an MPI job as a Communicator.
#pragma once

#include <cstddef>
#include <memory>

#include "comm/communicator.h"

namespace coppice {

// MPI counts are int and its temporaries grow with the message, so every buffer travels in pieces of this size.
inline constexpr std::size_t kCollectiveChunkBytes = std::size_t{16} << 20;

// A duplicate of the world, so that nobody else's messages can be mistaken for ours. An MpiEnvironment must outlive it.
// `chunk_bytes` is a multiple of 8 and the same on all ranks.
std::unique_ptr<Communicator> make_mpi_communicator(std::size_t chunk_bytes = kCollectiveChunkBytes);

}  // namespace coppice
