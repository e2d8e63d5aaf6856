// Which part of the model each client trains: `federation.submodels`.
#pragma once

#include <variant>
#include <vector>

#include "core/config.h"

namespace coppice {

// Every client trains the whole model.
struct WholeModels {
  static constexpr const char* kName = "none";
  void visit(FieldVisitor&) {}
};

// HeteroFL (Diao et al., "HeteroFL: computation and communication efficient federated learning for heterogeneous clients", ICLR 2021,
// arXiv:2010.01264, section 3, and its published code): a client of level r has the first ceil(r n) units of every family of n, so that
// small models lie inside large ones, and
//   theta_i <- sum over clients that hold i of p_k theta_k,i / sum over them of p_k
// A weight that nobody of a round holds stays as it is; so do the running statistics of such channels, and the others' are pooled over those
// who hold them.
//
// Clients get levels by `shares`, drawn once by the run's seed; where devices are known, the largest level that fits a client's memory.
// Deviations: no scaler of 1/r before a batch norm, which the batch norm undoes; no masking of labels that a client lacks; running
// statistics are pooled in each round as everywhere in this program, not queried once at the end.
struct HeteroFlConfig {
  static constexpr const char* kName = "heterofl";
  std::vector<double> rates = {1.0, 0.5, 0.25};
  std::vector<double> shares = {};  // as many as rates; empty: equal
  void visit(FieldVisitor& v);
};

// LotteryFL: masks of the clients' own (algorithms/methods/lotteryfl.h).
struct LotteryFlConfig {
  static constexpr const char* kName = "lotteryfl";
  double start_accuracy = 0.5;
  double rate = 0.2;
  double density = 0.1;
  void visit(FieldVisitor& v);
};

// FedMP: as many units as a bandit gives each client (algorithms/methods/fedmp.h).
struct FedMpConfig {
  static constexpr const char* kName = "fedmp";
  double most = 0.8;
  double discount = 0.95;
  double interval = 0.1;
  void visit(FieldVisitor& v);
};

using SubmodelConfig = std::variant<WholeModels, HeteroFlConfig, LotteryFlConfig, FedMpConfig>;

}  // namespace coppice
