// What makes up for what a cut removes, without training.
#pragma once

#include <cstdint>
#include <variant>

#include "core/config.h"

namespace coppice {

struct NoCompensation {
  static constexpr const char* kName = "none";
  void visit(FieldVisitor& v);
};

// Mean contributions move into biases (bias.h).
struct BiasCompensation {
  static constexpr const char* kName = "bias";
  void visit(FieldVisitor& v);
};

// The weights that stay take over, column after column; which ones stay is decided on the way (sparse_gpt.h).
struct SparseGptConfig {
  static constexpr const char* kName = "sparsegpt";
  // kSequential: a block sees inputs that the pruned blocks before it make; one plan a block. kOnePass: all inputs are the dense model's.
  enum class Mode : std::uint8_t { kSequential, kOnePass };
  Mode mode = Mode::kSequential;
  double damping = 0.01;      // of the mean of the diagonal of X^T X, added to it
  std::int64_t columns = 128; // taken at once; the rest of a matrix follows behind them
  void visit(FieldVisitor& v);
};

// Boosters beside a decoder's matrices, filled from what is dropped, trained with what is left (slorb.h).
struct SlorbConfig {
  static constexpr const char* kName = "slorb";
  std::int64_t inputs = 16;   // that share one number of a booster
  void visit(FieldVisitor& v);
};

using CompensationConfig = std::variant<NoCompensation, BiasCompensation, SparseGptConfig, SlorbConfig>;

}  // namespace coppice
