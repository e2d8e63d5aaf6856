// Progressive pruning of FedTiny (Huang et al., "Distributed pruning towards tiny neural networks in federated learning", ICDCS 2023,
// arXiv:2212.01977, section IV-B): one unit of the model at a time gives up its smallest weights for those of largest gradient.
//
// Every `every` rounds before `until`, for the next unit u (from the output backwards, or forwards, and around), with a of each of u's
// matrices from AdjustmentSchedule:
//   client       after its training, one backward pass over one batch; of each matrix the a largest |g_i| among dropped weights
//   coordinator  grows the a largest |sum_k p_k g_k,i|, a missing g_k,i being 0, and drops the a smallest |theta_i| among the others
// Grown weights start at 0; a weight just dropped cannot come back at once; kept counts never change.
//
// gradients   a client's own largest travel with their positions: 8 bytes a weight exchanged
// votes       p_k instead of p_k g_k,i: positions alone travel, 4 bytes, and no client can shout (the votes of FedRTS, arXiv:2501.19122)
// candidates  all gradients at `factor` a places that the coordinator's seed draws: no client's own choice shows, as secure aggregation asks
//
// Recalled from the paper, not re-read: a = 0.15 (1 + cos) n, which is alpha 0.3, t counted in rounds here; block and backward as the best
// order. The published code adjusts all layers and sends dense gradients. Cost for a client: one forward and backward pass, O(a) memory.
#pragma once

#include <memory>

#include "algorithms/dynamics/mask_dynamics.h"

namespace coppice {

struct FedTinyConfig : AdjustmentSchedule {
  static constexpr const char* kName = "fedtiny";
  enum class Unit : std::uint8_t { kLayer, kBlock, kModel } unit = Unit::kBlock;
  enum class Order : std::uint8_t { kBackward, kForward } order = Order::kBackward;
  enum class Upload : std::uint8_t { kGradients, kVotes, kCandidates } upload = Upload::kGradients;
  double factor = 4.0;      // candidates a place
  std::int64_t batch = 64;  // samples of the gradient
  void visit(FieldVisitor& v);
};

std::unique_ptr<MaskDynamics> make_dynamics(const FedTinyConfig& config);

// The masked tensors that the adjustment of a round works on.
std::vector<std::int64_t> fedtiny_unit(const FedTinyConfig& config, const Mask& mask, const Model& model, std::int64_t round);

}  // namespace coppice
