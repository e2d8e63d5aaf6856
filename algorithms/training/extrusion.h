// Budget-aware extrusion of FedMef (Huang et al., "FedMef: towards memory-efficient federated dynamic pruning", CVPR 2024,
// arXiv:2403.14737, section 3.2, and its published code): before a mask is adjusted, the weights that will go are pushed towards 0, and what
// they knew moves to the others.
//
// With L_l the counts[l] smallest kept weights of matrix l as the client received them, the loss becomes
//   loss + lambda sum_l |theta_{L_l}|_2
// and step b of B takes the rate
//   min(most, max(eta, psi (2B - 2b) / (2B - b) (2 sigmoid(|theta_L|_1) - 1) eta))
//
// After the code; of the paper only the abstract was read. Three things the code does are left out: it never multiplies by lambda; it
// takes its smallest weights among all, so that at high sparsity they are dropped ones and nothing is pushed; and its rate never comes
// down again. Cost: one pass over the kept weights a round, one over those pushed a step.
#pragma once

#include <cstdint>
#include <vector>

#include "algorithms/training/optimizer.h"
#include "core/config.h"
#include "models/mask.h"

namespace coppice {

struct ExtrusionTask {
  std::vector<std::int64_t> tensors = {};  // entries of the base layout
  std::vector<std::int64_t> counts = {};   // of each: smallest kept weights
  double lambda = 0.01;
  double psi = 1.0;
  double most = 1.0;  // largest multiple of the step's own rate
  void visit(FieldVisitor& v);
};

class Extrusion {
 public:
  // `received`: the weights before the first of `steps` steps.
  Extrusion(const ExtrusionTask& task, const Mask& mask, const Arena& received, std::int64_t steps);

  // Sets the correction of a step from the weights before it, and multiplies its rate. The correction lives as long as this object.
  void prepare(std::int64_t step, const Arena& weights, StepOptions& options);

 private:
  struct Pushed {
    ParamId tensor = 0;
    std::vector<std::uint32_t> positions = {};
  };

  double lambda_, psi_, most_, steps_;
  std::vector<Pushed> pushed_;
  Arena correction_;
};

}  // namespace coppice
