// What becomes of the weights that a mask drops while the others are trained: `finetune.sparse`.
//
//   fixed    They are 0 and stay 0; kept values alone travel, and a kept set is for good.
//   ste      Straight-through: the forward pass takes M * W, and the gradient of M * W goes unmasked to the dense shadow weights W, so that
//            a dropped weight learns, too, and may come back when the coordinator makes the mask anew.
//   sr_ste   Zhou et al., "Learning N:M fine-grained structured sparse neural networks from scratch", ICLR 2021: ste, with
//            lambda * (1 - M) * W added to the gradient, hence through all that the optimizer remembers.
//   ast      Huang et al., "Pruning large language models with semi-structural adaptive sparse training", 2024: the decay is annealed,
//                lambda(t) = lambda * min(1, t / T0),   T0 = anneal * the steps of the stage,
//            and stands beside the first moment instead of in it (algorithms/training/optimizer.h has the update).
//   zerofl   Every client takes the largest of its own weights in each step, and sends those alone (algorithms/training/zerofl.h).
//
// t counts steps over the whole stage: round r of R and step s of its S give (r + s / S) / R of it, whatever S a client has, so that all
// clients of a round go through the same decays. Masks are made anew every `refresh` rounds but not after the last: what a run ends with
// is what it was trained with. ZeroFL's is made anew after each round: no client is bound to it.
// Cost against `fixed`: clients receive and send dense values, and a mask that has changed (1 bit a weight, 1/32 of the values).
#pragma once

#include <cstdint>
#include <variant>

#include "algorithms/training/zerofl.h"
#include "core/config.h"

namespace coppice {

struct FixedMask {
  static constexpr const char* kName = "fixed";
  void visit(FieldVisitor&) {}
};

struct SteConfig {
  static constexpr const char* kName = "ste";
  std::int64_t refresh = 1;
  void visit(FieldVisitor& v);
};

struct SrSteConfig {
  static constexpr const char* kName = "sr_ste";
  double lambda = 2e-4;
  std::int64_t refresh = 1;
  void visit(FieldVisitor& v);
};

struct AstConfig {
  static constexpr const char* kName = "ast";
  double lambda = 2e-4;
  double anneal = 0.25;
  std::int64_t refresh = 1;
  void visit(FieldVisitor& v);
};

using SparseConfig = std::variant<FixedMask, SteConfig, SrSteConfig, AstConfig, ZeroFlConfig>;

// Whether dropped weights live on as shadows.
bool keeps_shadows(const SparseConfig& config);

// Whether the mask is made anew after round `round` of `rounds`.
bool refresh_due(const SparseConfig& config, std::int64_t round, std::int64_t rounds);

// lambda(t) at t = `progress` of the stage, in [0, 1].
double decay_at(const SparseConfig& config, double progress);

}  // namespace coppice
