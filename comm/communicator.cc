#include "comm/communicator.h"

#include <array>
#include <cstring>

namespace coppice {

void broadcast_bytes(Communicator& comm, std::vector<std::byte>& bytes, int root) {
  std::uint64_t length = bytes.size();
  comm.broadcast(std::as_writable_bytes(std::span(&length, 1)), root);
  bytes.resize(length);
  comm.broadcast(bytes, root);
}

bool same_on_all_ranks(Communicator& comm, const Digest& digest) {
  constexpr std::size_t kWords = sizeof(digest.bytes) / sizeof(std::int64_t);
  std::array<std::int64_t, 2 * kWords> extremes;
  std::memcpy(extremes.data(), digest.bytes.data(), sizeof(digest.bytes));
  // ~x reverses the order, so one maximum gives the largest and the smallest word.
  for (std::size_t i = 0; i < kWords; ++i) extremes[kWords + i] = ~extremes[i];
  comm.all_reduce_max(extremes);
  for (std::size_t i = 0; i < kWords; ++i) {
    if (extremes[i] != ~extremes[kWords + i]) return false;
  }
  return true;
}

}  // namespace coppice
