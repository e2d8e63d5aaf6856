// Settings of the server's step: how the cohort's mean change becomes the next model.
#pragma once

#include <cstdint>
#include <variant>

#include "core/config.h"

namespace coppice {

// theta += lr * mean delta (McMahan et al. 2017, Algorithm 1).
struct FedAvgConfig {
  static constexpr const char* kName = "fedavg";
  double lr = 1.0;
  void visit(FieldVisitor& v);
};

// v = momentum * v + mean delta; theta += lr * v (Hsu et al. 2019, section 4.3).
struct FedAvgMConfig {
  static constexpr const char* kName = "fedavgm";
  double lr = 1.0;
  double momentum = 0.9;
  void visit(FieldVisitor& v);
};

// m = b1 m + (1-b1) delta; v = b2 v + (1-b2) delta^2; theta += lr * m / (sqrt(v) + tau) (Reddi et al. 2021, Algorithm 2).
struct FedAdamConfig {
  static constexpr const char* kName = "fedadam";
  double lr = 0.01;
  double beta1 = 0.9;
  double beta2 = 0.99;
  double tau = 1e-3;
  void visit(FieldVisitor& v);
};

// As FedAdam with v = v - (1-b2) delta^2 sign(v - delta^2) (same Algorithm 2): v falls by steps of the change's own size, so one
// large change is not forgotten at once.
struct FedYogiConfig {
  static constexpr const char* kName = "fedyogi";
  double lr = 0.01;
  double beta1 = 0.9;
  double beta2 = 0.99;
  double tau = 1e-3;
  void visit(FieldVisitor& v);
};

// As FedAdam with v = v + delta^2 (same Algorithm 2, with b1 = 0 in its experiments): steps that only become smaller.
struct FedAdagradConfig {
  static constexpr const char* kName = "fedadagrad";
  double lr = 0.01;
  double beta1 = 0.0;
  double tau = 1e-3;
  void visit(FieldVisitor& v);
};

using ServerConfig = std::variant<FedAvgConfig, FedAvgMConfig, FedAdamConfig, FedYogiConfig, FedAdagradConfig>;

}  // namespace coppice
