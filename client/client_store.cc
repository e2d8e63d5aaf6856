#include "client/client_store.h"

#include <filesystem>

#include "core/error.h"
#include "models/safetensors.h"

namespace coppice {

namespace fs = std::filesystem;

std::string ClientStore::client_folder(std::int64_t client) const {
  if (folder_.empty()) throw InputError("this method keeps state at clients, which needs a run folder (--out)");
  return folder_ + "/" + std::to_string(client);
}

std::string ClientStore::path(std::int64_t client, std::uint64_t version) const {
  return client_folder(client) + "/" + std::to_string(version) + ".safetensors";
}

std::vector<Block> ClientStore::read(std::int64_t client, std::uint64_t version) const {
  return read_safetensors(path(client, version)).tensors;
}

void ClientStore::write(std::int64_t client, std::uint64_t version, std::uint64_t committed,
                        std::vector<Block> blocks) const {
  fs::create_directories(client_folder(client));
  write_safetensors(path(client, version), SafetensorsFile{std::move(blocks), {}});
  for (const auto& entry : fs::directory_iterator(client_folder(client))) {
    const std::string stem = entry.path().stem().string();
    if (stem != std::to_string(version) && stem != std::to_string(committed)) fs::remove(entry.path());
  }
}

}  // namespace coppice
