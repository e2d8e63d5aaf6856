// A config with one of everything the visitor knows.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/config.h"

namespace coppice::sample {

enum class Order { kFirst, kSecond };

struct Iid {
  static constexpr const char* kName = "iid";
  void visit(FieldVisitor&) {}
  bool operator==(const Iid&) const = default;
};

struct Dirichlet {
  static constexpr const char* kName = "dirichlet";
  double alpha = 0.5;
  void visit(FieldVisitor& v) { v.field("alpha", alpha, "concentration; smaller = more skew", above(0.0)); }
  bool operator==(const Dirichlet&) const = default;
};

struct Clip {
  double norm = 1.0;
  void visit(FieldVisitor& v) { v.field("norm", norm, "largest L2 norm", above(0.0)); }
  bool operator==(const Clip&) const = default;
};

struct Warmup {
  static constexpr const char* kName = "warmup";
  std::int64_t rounds = 10;
  void visit(FieldVisitor& v) { v.field("rounds", rounds, "rounds to run", at_least(1)); }
  bool operator==(const Warmup&) const = default;
};

struct Score {
  static constexpr const char* kName = "score";
  Order order = Order::kFirst;
  std::vector<std::string> granularity = {"coarse"};
  std::variant<Iid, Dirichlet> prior = Dirichlet{.alpha = 0.25};
  void visit(FieldVisitor& v) {
    v.choice("order", order, {"first", "second"}, "order of the expansion");
    v.field("granularity", granularity, "which scores");
    v.variant("prior", prior, "a variant in an item of a list");
  }
  bool operator==(const Score&) const = default;
};

struct Export {
  static constexpr const char* kName = "export";
  void visit(FieldVisitor&) {}
  bool operator==(const Export&) const = default;
};

struct Data {
  std::string source = "fashion mnist: all";
  std::variant<Iid, Dirichlet> partition = Dirichlet{.alpha = 0.125};
  std::optional<Clip> clip;
  void visit(FieldVisitor& v) {
    v.field("source", source, "where the samples come from");
    v.variant("partition", partition, "how samples are dealt | to clients");
    v.group("clip", clip, "clip the updates");
  }
  bool operator==(const Data&) const = default;
};

struct Config {
  bool verbose = false;
  std::int64_t seed = 1;
  double kept_fraction = 0.4;
  std::vector<double> floors = {0.1, 1e-300};
  std::vector<std::int64_t> ranks = {1, 2};
  Data data;
  std::vector<std::variant<Warmup, Score, Export>> stages;

  void visit(FieldVisitor& v) {
    v.field("verbose", verbose, "say more");
    v.field("seed", seed, "of everything random");
    v.field("kept_fraction", kept_fraction, "what stays", above_to(0.0, 1.0));
    v.field("floors", floors, "smallest kept fraction of a layer", within(0.0, 1.0));
    v.field("ranks", ranks, "numbers of ranks", at_least(1));
    v.group("data", data, "the data");
    v.list("stages", stages, "what to do, in order");
  }
  bool operator==(const Config&) const = default;
};

}  // namespace coppice::sample
