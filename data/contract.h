// The data contract: what every owner's data must be like. A file of its own (docs/shards.md) that owners agree on before a run; its
// digest says in one word which contract a rank, or a site, holds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/digest.h"
#include "data/dataset.h"
#include "data/loaded_data.h"

namespace coppice {

// A column of a table and the features it became.
struct ContractInput {
  std::string name;
  std::vector<std::string> categories = {};  // one feature each, 1 at its own; empty: numbers
  std::int64_t width = 1;               // numbers: how many
  double least = 0.0, most = 0.0;       // numbers: of each
  bool missing = false;                 // categories: all may be 0; numbers: one more feature, 1 where they are missing

  std::int64_t features() const;
};

struct DataContract {
  ExampleSpec spec;  // mean and scale may be empty: not agreed on. The length of token examples is a run's own choice
  std::vector<std::string> target_names;          // of classes, labels or outputs; empty: not agreed on
  std::vector<double> target_least, target_most;  // regression: of each output; empty: not agreed on
  std::vector<ContractInput> inputs;              // features alone; empty: not agreed on
  std::vector<std::string> columns;               // kept beside each example; data may have more
  std::vector<std::string> words;                 // bags: of the vocabulary
  std::string tokenizer;                          // "bytes", "characters" or "file"; "": not agreed on
  std::string characters;                         // UTF-8, of tokens 1, 2, ...
  Digest tokenizer_file;
  std::string note;

  Digest digest() const;  // of all but the note: of what is said, not of how the file writes it
};

// Throws InputError naming `file`: broken JSON, a key that is missing, unknown or of the wrong type, inputs that do not add up to the
// features, names that stand twice.
DataContract parse_contract(std::string_view json, const std::string& file);
DataContract read_contract(const std::string& file);
std::string to_json(const DataContract& contract);

// What these data are like: the contract that they keep and that a change of them may break. One pass over features.
DataContract contract_of(const LoadedData& data);

}  // namespace coppice
