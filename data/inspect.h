// What the data is and how it is dealt, in numbers: behind `coppice data inspect`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

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
};

struct DataSummary {
  std::string description;  // of an example
  std::string note;
  std::vector<std::string> class_names, columns;
  SplitSummary train, test;

  std::int64_t num_clients = 0;                  // 0 = not dealt to clients
  std::int64_t examples_of_clients = 0;          // fewer than train.examples where the partition leaves some out
  std::int64_t least = 0, median = 0, most = 0;  // examples of a client
  double mean_class_entropy = 0.0;     // nats, mean over clients of H(classes of the client); log(classes) = no skew
  std::vector<ClientSummary> clients;  // the first `max_clients`
};

DataSummary summarize(const LoadedData& data);
DataSummary summarize(const LoadedData& data, const Partition& partition, std::int64_t max_clients);

std::string to_json(const DataSummary& summary);  // indented, ends in a newline

// For a terminal: counts, classes, sizes, and a row of bars a client, each bar a class's share of that client's
// examples.
std::string to_text(const DataSummary& summary);

}  // namespace coppice
