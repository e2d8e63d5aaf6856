// What the data is and how it is dealt, in numbers: behind `coppice data inspect`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "data/contract.h"
#include "data/dataset.h"
#include "data/loaded_data.h"
#include "data/partition.h"

namespace coppice {

struct SplitSummary {
  std::int64_t examples = 0;
  std::vector<std::int64_t> class_counts;  // empty where targets are not classes
  std::string digest;
};

struct ClientSummary {
  std::int64_t client = 0;
  std::int64_t examples = 0;
  std::vector<std::int64_t> class_counts;  // empty where targets are not classes
  std::int64_t bytes = 0;                  // of inputs as they are stored
  std::string digest = "";                 // of its examples (data/client_manifest.h)
};

// A column of a table: a feature, or the features of one category.
struct ColumnSummary {
  std::string name;
  double least = 0.0, mean = 0.0, most = 0.0;                    // numbers
  std::vector<std::pair<std::string, std::int64_t>> categories;  // and how many examples have each; empty: numbers
  std::int64_t missing = 0;
};

// What only a pass over all examples tells. Equal means equal inputs, by digest.
struct ExamplesSummary {
  std::int64_t repeated_in_train = 0;  // training examples of which an equal one stands before
  std::int64_t test_in_train = 0;      // test examples of which a training example is equal: they measure memory, not skill
  std::vector<ColumnSummary> columns;  // of features, over the training examples; at most kMostColumns
  static constexpr std::size_t kMostColumns = 200;
};

struct DataSummary {
  std::string description;  // of an example
  std::string note;
  std::vector<std::string> class_names, columns;
  SplitSummary train, test;

  std::int64_t num_clients = 0;                  // 0 = not dealt to clients
  std::int64_t examples_of_clients = 0;          // fewer than train.examples where the partition leaves some out
  std::int64_t least = 0, median = 0, most = 0;  // examples of a client
  // Mean over clients of 1/2 sum_k |share of class k of the client - of all clients|; 0 = no skew, towards 1 = nothing shared.
  double mean_total_variation = 0.0;
  double mean_class_entropy = 0.0;     // nats, mean over clients of H(classes of the client); log(classes) = no skew
  std::vector<ClientSummary> clients;  // the first `max_clients`
  std::vector<std::int64_t> sizes;     // of all clients, ascending
  std::optional<ExamplesSummary> examples_looked_at;
  std::string contract;                // what a check against the contract said; empty: there is none
};

DataSummary summarize(const LoadedData& data);
DataSummary summarize(const LoadedData& data, const Partition& partition, std::int64_t max_clients);

// `contract`, or null, names columns and says which features belong together. 16 bytes a training example while it runs.
ExamplesSummary look_at_examples(const LoadedData& data, const DataContract* contract);

std::string to_json(const DataSummary& summary);  // indented, ends in a newline

// For a terminal: counts, classes, sizes, and a row of bars a client, each bar a class's share of that client's
// examples.
std::string to_text(const DataSummary& summary);

}  // namespace coppice
