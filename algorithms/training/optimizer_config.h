// Settings of the client optimizers, with PyTorch's names and semantics.
#pragma once

#include <variant>

#include "core/config.h"

namespace coppice {

struct SgdConfig {
  static constexpr const char* kName = "sgd";
  double lr = 0.05;
  double momentum = 0.0;
  double weight_decay = 0.0;
  bool nesterov = false;
  void visit(FieldVisitor& v);
};

struct AdamConfig {
  static constexpr const char* kName = "adam";
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0.0;  // added to the gradient
  void visit(FieldVisitor& v);
};

struct AdamWConfig {
  static constexpr const char* kName = "adamw";
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0.01;  // decoupled
  void visit(FieldVisitor& v);
};

using OptimizerConfig = std::variant<SgdConfig, AdamConfig, AdamWConfig>;

}  // namespace coppice
