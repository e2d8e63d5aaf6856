// FLASH with joint masks (Babakniya et al., "Revisiting sparsity hunting in federated learning: why does sparsity consensus matter?", TMLR
// 2023, arXiv:2208.13092, JMWST, and its published code): clients agree on how dense each layer is, the coordinator on which weights stay.
//
// Every `every` rounds before `until`, with p = rate (1 - round / until): a client that has trained frees ceil(p n_l) of the n_l kept weights of
// each matrix and deals all that are freed to the matrices by their mean magnitudes
//   m_l = mean |theta_k,i| over kept i,   share_l = m_l / sum m
// (what a full matrix cannot take goes to the others by their shares), which gives it the densities d_k,l. The coordinator takes their mean,
// rescales it to as many weights as before, and keeps of each matrix those of largest |theta_i|.
//
// Deviations: the published clients do this several times while they train, and regrow at random each for itself; here once, after training,
// and what a matrix gains is drawn from its dropped weights by the round's seed, starting at 0 as grown weights do everywhere. Counts are
// exact: the code's rounding lets them drift. Its first stage, in which some clients find the first densities alone, is a prune stage's
// here. Cost for a client: one pass over its weights and 8 bytes a matrix up; no gradient, no positions.
#pragma once

#include <memory>
#include <vector>

#include "algorithms/dynamics/mask_dynamics.h"

namespace coppice {

struct FlashConfig : AdjustmentTimes {
  static constexpr const char* kName = "flash";
  double rate = 0.25;
  void visit(FieldVisitor& v);
};

std::unique_ptr<MaskDynamics> make_dynamics(const FlashConfig& config);

// d_l of each tensor, which the mask must drop weights of (Error otherwise), at a client that has the weights `base`.
std::vector<double> redistributed_densities(const Mask& mask, const std::vector<std::int64_t>& tensors, const Arena& base, double rate);

}  // namespace coppice
