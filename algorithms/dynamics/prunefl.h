// PruneFL (Jiang et al., "Model pruning enables efficient federated learning on edge devices", TNNLS 2022, arXiv:1909.12326, sections IV-V and
// its published code): the mask that learns fastest a second.
//
// With squared gradients s_j and seconds t_j that weight j costs a round, a mask M is worth
//   Gamma(M) = sum_{j in M} s_j / T(M),   T(M) = constant + sum_{j in M} t_j,   t_j = per_weight + per_mac * multiply-adds of j
// Every `every` rounds: of each matrix the fraction drop * 0.5^(round / half_life) of smallest kept weights may go; the others stay. What may
// go and what is dropped already are taken up in the order of s_j / t_j as long as that is above Gamma of what was taken so far and the mask
// stays within `density`. How many weights are kept, and where, comes out of it. A weight that may go and is taken keeps its value.
//
// Deviations: squares are of one batch after another at the weights that a cohort's clients trained, in the round of the adjustment; the paper's
// clients sum those of all rounds between two, which clients drawn anew in each round cannot. Gamma counts the matrices alone. The first mask
// is a prune stage's: the paper prunes at one chosen client first, whose data then decide. per_mac stands for a table of measured layers.
// Cost for a client: `batches` passes and 4 bytes for every weight up, what FedTiny spares.
#pragma once

#include <memory>

#include "algorithms/dynamics/mask_dynamics.h"

namespace coppice {

struct PruneFlConfig {
  static constexpr const char* kName = "prunefl";
  std::int64_t every = 50;
  double drop = 0.3;
  double half_life = 10000.0;
  double density = 0.0;         // most that is kept of all matrices; 0 = as much as before
  double constant = 87.0;       // seconds a round
  double per_weight = 5.56e-6;  // seconds a weight sent
  double per_mac = 2e-7;        // seconds a multiply-add of one sample's pass, over a round's steps
  std::int64_t batches = 5;
  std::int64_t batch = 20;
  void visit(FieldVisitor& v);
};

std::unique_ptr<MaskDynamics> make_dynamics(const PruneFlConfig& config);

}  // namespace coppice
