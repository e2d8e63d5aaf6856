#include "simulations/data_check.h"

#include <algorithm>
#include <filesystem>

#include "core/error.h"
#include "core/file.h"
#include "data/contract_check.h"

namespace coppice {
namespace {

constexpr std::uint64_t kMostManifestBytes = std::uint64_t{1} << 32;
constexpr char kFailed = 'F', kSound = 'S';

std::vector<std::byte> bytes_of(const std::string& text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::string text_of(std::span<const std::byte> bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

}  // namespace

void check_data(const ScenarioData& data, int rank, int ranks) {
  if (!data.contract) return;
  const DataContract& contract = *data.contract;
  const ClientData& clients = *data.clients;
  check_kind(contract, *clients.train, "training data");
  check_kind(contract, *clients.test, "test data");
  for (std::int64_t c = rank; c < clients.clients.train.num_clients(); c += ranks) {
    for (const Split split : {Split::kTrain, Split::kSelect}) {
      check_examples(contract, *clients.train, clients.samples(split, c), "client " + std::to_string(c), !data.trusted);
    }
  }
  for (std::int64_t c = rank; c < clients.test_clients.num_clients(); c += ranks) {
    check_examples(contract, *clients.test, clients.samples(Split::kTest, c), "test data", !data.trusted);
  }
  check_classes(contract, *clients.train, "training data");
  check_classes(contract, *clients.test, "test data");
}

DataManifest manifest_of(const RunConfig& config, const ScenarioData& data, int rank, int ranks) {
  const ClientData& clients = *data.clients;
  DataManifest manifest;
  if (data.contract) manifest.contract = data.contract->digest();
  manifest.sources = data.sources;
  manifest.test_examples = clients.test->size();
  manifest.test = clients.test->digest();
  for (std::int64_t c = rank; c < clients.clients.train.num_clients(); c += ranks) {
    manifest.clients.push_back(manifest_of(*clients.train, c, clients.samples(Split::kTrain, c), clients.samples(Split::kSelect, c),
                                           config.data.label_counts, !data.trusted));
  }
  return manifest;
}

DataFindings look_at_data(const RunConfig& config, int rank, int ranks) {
  DataFindings findings;
  try {
    findings.data = load_scenario_data(config);
    check_data(findings.data, rank, ranks);
    findings.manifest = manifest_of(config, findings.data, rank, ranks);
  } catch (const InputError& error) {
    findings.failure = error.what();
  }
  return findings;
}

JointData::JointData(Communicator& comm, const DataFindings& mine) {
  std::string word(1, mine.failure.empty() ? kSound : kFailed);
  // The digest of the training data in front: shares of a manifest say nothing of what is elsewhere.
  word += mine.failure.empty() ? mine.data.clients->train->digest().hex() + to_json(mine.manifest) : mine.failure;
  parts_ = comm.gather(bytes_of(word), 0);
}

DataManifest JointData::on_rank_0() const {
  constexpr std::size_t kHex = 64;
  DataManifest joint;
  std::string train;
  for (std::size_t rank = 0; rank < parts_.size(); ++rank) {
    const std::string who = rank == 0 ? "" : "rank " + std::to_string(rank) + " of " + std::to_string(parts_.size()) + ": ";
    const std::string word = text_of(parts_[rank]);
    if (word.front() == kFailed) throw InputError(who + word.substr(1));
    const std::string digest = word.substr(1, kHex);
    DataManifest share = parse_data_manifest(std::string_view(word).substr(1 + kHex), "rank " + std::to_string(rank));
    if (rank == 0) {
      joint = std::move(share);
      train = digest;
      continue;
    }
    const auto expect = [&](const char* what, const Digest& found, const Digest& expected) {
      if (found == expected) return;
      throw InputError(who + what + ": found digest " + found.short_hex() + ", expected " + expected.short_hex() +
                       " as on rank 0; expected the same files on every rank");
    };
    expect("data contract", share.contract, joint.contract);
    expect("training data", Digest::from_hex(digest), Digest::from_hex(train));
    expect("test data", share.test, joint.test);
    joint.clients.insert(joint.clients.end(), std::make_move_iterator(share.clients.begin()), std::make_move_iterator(share.clients.end()));
  }
  std::sort(joint.clients.begin(), joint.clients.end(), [](const auto& a, const auto& b) { return a.client < b.client; });
  return joint;
}

void check_unchanged(const std::string& file, const std::string& digest_then, const DataManifest& now) {
  if (digest_then == now.digest().hex()) return;
  std::string what = "digest " + now.digest().short_hex() + ", expected " + digest_then.substr(0, 12);
  if (std::filesystem::exists(file)) {
    const DataManifest then = parse_data_manifest(read_text_file(file, kMostManifestBytes), file);
    if (const std::string first = difference(then, now); !first.empty()) what = first;
  }
  throw InputError(file + ": the data changed since the run began: " + what + "; go on with the data as it was, or choose another --out");
}

}  // namespace coppice
