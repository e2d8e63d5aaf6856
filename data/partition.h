// How examples are dealt to clients.
//
// Each partitioner first says which client every example belongs to and then builds the index below. All draws come
// from streams of (seed, purpose kPartition, class or client), so the result depends on nothing but its arguments.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "core/config.h"
#include "core/seed.h"
#include "data/dataset.h"

namespace coppice {

// Shuffled and cut into equal parts; sizes differ by at most one.
struct IidPartition {
  static constexpr const char* kName = "iid";
  std::int64_t clients = 100;

  void visit(FieldVisitor& v) { v.field("clients", clients, "number of clients", at_least(1)); }
};

// Label skew: for each class k, proportions over the clients p_k ~ Dir(alpha, ..., alpha), the class's shuffled
// examples cut at floor(cumulated p_k * n_k) (Hsu, Qi & Brown 2019 draw per client, Yurochkin et al. 2019 per class, as
// here; Li et al. 2022 redraw until everyone has `min_samples`). Deviation: instead of redrawing, which biases the draw
// and may never end, a client below `min_samples` receives single examples, each from the client that then has the
// most.
struct DirichletPartition {
  static constexpr const char* kName = "dirichlet";
  double alpha = 0.5;
  std::int64_t clients = 100;
  std::int64_t min_samples = 1;

  void visit(FieldVisitor& v) {
    v.field("alpha", alpha, "concentration; smaller = fewer classes a client", above(0.0));
    v.field("clients", clients, "number of clients", at_least(1));
    v.field("min_samples", min_samples, "the least a client holds; topped up from the largest clients", at_least(1));
  }
};

// Exactly `classes_per_client` classes a client (McMahan et al. 2017; as in Li et al. 2022 each class is cut evenly
// among its holders). Classes are dealt from shuffled decks, so each is held by the same number of clients, give or
// take one.
struct PathologicalPartition {
  static constexpr const char* kName = "pathological";
  std::int64_t clients = 100;
  std::int64_t classes_per_client = 2;

  void visit(FieldVisitor& v) {
    v.field("clients", clients, "number of clients", at_least(1));
    v.field("classes_per_client", classes_per_client, "distinct classes of each client", at_least(1));
  }
};

// Quantity skew: sizes ~ Dir(alpha, ..., alpha), labels as they fall (Li et al. 2022).
struct QuantityPartition {
  static constexpr const char* kName = "quantity";
  double alpha = 0.5;
  std::int64_t clients = 100;
  std::int64_t min_samples = 1;

  void visit(FieldVisitor& v) {
    v.field("alpha", alpha, "concentration; smaller = more unequal sizes", above(0.0));
    v.field("clients", clients, "number of clients", at_least(1));
    v.field("min_samples", min_samples, "the least a client holds; topped up from the largest clients", at_least(1));
  }
};

// One client for each value of a column, in ascending order of the value. Values with fewer than `min_samples` examples
// are left out, and so are those beyond `clients`, drawn at random; their examples belong to nobody.
struct ByColumnPartition {
  static constexpr const char* kName = "by-column";
  std::string column;
  std::int64_t min_samples = 1;
  std::int64_t clients = 0;

  void visit(FieldVisitor& v) {
    v.field("column", column, "which column names the client");
    v.field("min_samples", min_samples, "values with fewer examples are left out", at_least(1));
    v.field("clients", clients, "the most clients, drawn at random; 0 = all", at_least(0));
  }
};

using PartitionConfig =
    std::variant<IidPartition, DirichletPartition, PathologicalPartition, QuantityPartition, ByColumnPartition>;

// Client -> its examples. What make_partition yields is shuffled, so that any prefix of a client's list is a fair
// sample of that client. 8 bytes an example and 8 bytes a client.
class Partition {
 public:
  Partition() = default;  // no clients
  // Client c holds samples[offsets[c], offsets[c + 1]); offsets ascend from 0 to the number of samples, else Error.
  Partition(std::vector<std::int64_t> offsets, std::vector<std::int64_t> samples);

  std::int64_t num_clients() const { return static_cast<std::int64_t>(offsets_.size()) - 1; }
  std::int64_t num_samples() const { return static_cast<std::int64_t>(samples_.size()); }
  std::span<const std::int64_t> samples_of(std::int64_t client) const;
  std::int64_t index_bytes() const;  // what the index occupies

 private:
  std::vector<std::int64_t> offsets_{0};
  std::vector<std::int64_t> samples_;
};

// Throws InputError: more clients than examples, a client that would get none, an impossible setting, no class labels,
// an unknown column (with the nearest name).
Partition make_partition(const PartitionConfig& config, const Dataset& data, Seed seed);

}  // namespace coppice
