// What a client keeps between rounds (control variates, personal masks, later error feedback): named blocks under
// (client, plan that wrote them), in the run's folder, never only in a rank's memory, so that a client may move to another rank.
//
// A plan names the version of each client that it knows to be committed; what a later, uncommitted plan wrote is never read
// and goes at the client's next write.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/block.h"

namespace coppice {

class ClientStore {
 public:
  // An empty folder name keeps nothing and refuses reads and writes with an InputError.
  explicit ClientStore(std::string folder) : folder_(std::move(folder)) {}

  // Throws InputError where the version is missing or malformed.
  std::vector<Block> read(std::int64_t client, std::uint64_t version) const;
  // Writes `version` and removes all others but `committed` (0: none).
  void write(std::int64_t client, std::uint64_t version, std::uint64_t committed, std::vector<Block> blocks) const;

 private:
  std::string path(std::int64_t client, std::uint64_t version) const;
  std::string client_folder(std::int64_t client) const;

  std::string folder_;
};

}  // namespace coppice
