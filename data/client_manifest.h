// What each client of a run holds, in numbers and digests, so that its data can be told apart from any other: data.json in a run's
// folder (docs/run_folder.md). A resumed run is compared with it.
//
// How many examples a client has of each class is private information in a real federation; it is written only where asked for.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/digest.h"
#include "data/dataset.h"
#include "data/shard_index.h"

namespace coppice {

struct ClientManifest {
  // Examples that lie in one file. Rows as Dataset::place_of counts them.
  struct Part {
    std::string file;
    std::int64_t examples = 0, first_row = 0, last_row = 0;
    bool operator==(const Part&) const = default;
  };

  std::int64_t client = 0;
  std::int64_t examples = 0;
  std::int64_t kept_apart = 0;  // of them, to choose by
  std::int64_t tokens = 0;      // of inputs; 0 where they are none
  std::int64_t bytes = 0;       // of inputs as they are stored
  Digest digest;                // of inputs and targets, in the order of the data set
  std::vector<Part> parts;
  std::vector<std::int64_t> labels;  // examples of each class; empty: not told

  bool operator==(const ClientManifest&) const = default;
};

struct DataManifest {
  Digest contract;  // zero: none was agreed on
  std::vector<SourceFile> sources;
  std::int64_t test_examples = 0;
  Digest test;
  std::vector<ClientManifest> clients;  // ascending

  Digest digest() const;  // of the contract, the test data and all clients' data
};

// `read`: the digest is of what examples hold, one pass over them; else of the data set's digest and the examples' numbers.
ClientManifest manifest_of(const Dataset& data, std::int64_t client, std::span<const std::int64_t> train,
                           std::span<const std::int64_t> kept_apart, bool labels, bool read);

std::string to_json(const DataManifest& manifest);  // a line each client
// Throws InputError naming `file`: broken JSON, a key that is missing, unknown or of the wrong type, clients that do not ascend.
DataManifest parse_data_manifest(std::string_view json, const std::string& file);

// The first thing that is not as it was, for instance "client 7 has digest 0123..., expected 4567... (12 examples of a.shard)"; "" where
// nothing changed.
std::string difference(const DataManifest& before, const DataManifest& now);

}  // namespace coppice
