// Trusted ranks in lock step: every call below is collective, made by all ranks in the same order and with the same sizes.
// Untrusted clients that may be late or absent are no ranks; they never come through here.
//
// Implementations: comm/local (one rank, or the threads of one process) and comm/mpi. All give the same bits, because the
// only arithmetic is on 64-bit integers modulo 2^64, which no order of addition can change.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/digest.h"

namespace coppice {

class Communicator {
 public:
  virtual ~Communicator() = default;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  virtual int rank() const = 0;
  virtual int size() const = 0;

  // Copies the root's bytes into every other rank's buffer of the same length.
  virtual void broadcast(std::span<std::byte> buffer, int root) = 0;

  // Elementwise sum modulo 2^64, in place at the root; the other ranks' buffers keep what they held.
  virtual void reduce_sum(std::span<std::int64_t> buffer, int root) = 0;
  // The same, in place on every rank.
  virtual void all_reduce_sum(std::span<std::int64_t> buffer) = 0;
  virtual void all_reduce_max(std::span<std::int64_t> buffer) = 0;

  // At the root: what each rank passed, in rank order; lengths may differ. Elsewhere: empty.
  virtual std::vector<std::vector<std::byte>> gather(std::span<const std::byte> mine, int root) = 0;

  virtual void barrier() = 0;

  // The ranks that pass the same color (>= 0), in the order of their ranks here. May not outlive its parent's world.
  virtual std::unique_ptr<Communicator> split(int color) = 0;

 protected:
  Communicator() = default;
};

// Broadcasts a buffer whose length only the root knows; the other ranks' vectors are resized.
void broadcast_bytes(Communicator& comm, std::vector<std::byte>& bytes, int root);

// Whether every rank passed the same digest; every rank gets the same answer.
bool same_on_all_ranks(Communicator& comm, const Digest& digest);

}  // namespace coppice
