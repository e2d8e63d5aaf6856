// From MPI's return codes to errors of ours.
#pragma once

namespace coppice {

// Throws where `code` is not success: Stopped where a peer was lost (fault-tolerant MPI only; a resume continues), otherwise
// Error. The text is MPI's.
void check_mpi(int code, const char* call);

// Whether check_mpi has seen a lost peer in this process.
bool peer_was_lost();

}  // namespace coppice
