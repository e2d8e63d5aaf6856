// FedMef (Huang et al., "FedMef: towards memory-efficient federated dynamic pruning", CVPR 2024, arXiv:2403.14737): FedTiny's adjustments of a
// mask, with what is about to go pushed towards 0 before (algorithms/training/extrusion.h), and with the smaller activations forgotten in
// the backward pass (algorithms/taps/sparse_inputs.h).
//
// Extrusion works in the `window` rounds that end with an adjustment, on as many of the smallest weights of the unit's matrices as that
// adjustment exchanges; `activations` is 1 - gamma of the paper, in all rounds of the stage.
//
// After the published code and the paper's abstract. The code pushes in every round, on all matrices, with defects that are not ported
// (extrusion.h); the normalised convolution that the paper has in place of batch norms is left out. Cost: one pass over what is pushed a
// step, a selection over each product's inputs, nothing on the wire. FLOPs count the part of the inputs that is left; the memory that it spares
// shows in no figure, and a client here holds dense weights meanwhile.
#pragma once

#include <memory>

#include "algorithms/dynamics/fedtiny.h"

namespace coppice {

struct FedMefConfig : FedTinyConfig {
  static constexpr const char* kName = "fedmef";
  FedMefConfig() { unit = Unit::kModel; }
  std::int64_t window = 1;
  double lambda = 0.01;
  double psi = 1.0;
  double most = 1.0;
  double activations = 0.5;
  void visit(FieldVisitor& v);
};

std::unique_ptr<MaskDynamics> make_dynamics(const FedMefConfig& config);

}  // namespace coppice
