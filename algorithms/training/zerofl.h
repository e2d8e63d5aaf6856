// ZeroFL (Qiu, Fernandez-Marques, Porto Buarque de Gusmao, Gao, Parcollet & Lane, "ZeroFL: efficient on-device training for federated
// learning with local sparsity", ICLR 2022, arXiv:2208.02507): `finetune.sparse: zerofl`.
//
// The coordinator's weights are dense (shadows, algorithms/training/sparse_config.h). A client k trains all of them by SWAT
// (algorithms/taps/swat.h): each step goes through the largest weights of every matrix, as many as the mask keeps of it. Of a matrix of n
// weights it then sends, with their positions, kept + mask_ratio n entries of its change d_k = theta_k - theta:
//
//   top_k_w          where |theta_k| is largest     theta_i <- theta_i + sum_S p_k d_k,i / sum_S p_k    over S, those who sent i
//   diff_on_top_k_w  the same                       theta_i <- theta_i + sum_S p_k d_k,i / sum p_k      over all: unsent is unchanged
//   top_k_w_diff     where |d_k| is largest         as diff_on_top_k_w
//
// top_k_w so averages the weights themselves over those who sent them, and keeps what nobody sent. Biases and norms are sent whole.
// The mask is made anew from the largest |theta| after every round: the model that is looked at and that a run ends with is the one
// that SWAT's forward pass sees.
//
// Recalled; not verified against the paper's text: the three uploads, ratios of 0, 0.1 and 0.2, and sparsities of 90 and 95 %. Ours: that
// top_k_w counts senders alone, where zeros for the unsent would shrink weights; that the first and the last layer are as sparse as
// the others unless the cut's allocation says otherwise; that the plan's mask tells a client how many weights to take (1 bit a weight down).
// Cost up: 4 bytes an entry, and 1 bit a weight or 4 bytes an entry for positions; down: all values. FLOPs of a step as under a fixed mask:
// three passes over kept weights. In this process dropped weights and inputs are zeros.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "core/config.h"
#include "models/mask.h"

namespace coppice {

struct ZeroFlConfig {
  static constexpr const char* kName = "zerofl";
  enum class Upload : std::uint8_t { kTopWeights, kDiffOnTopWeights, kTopDiff } upload = Upload::kTopWeights;
  double mask_ratio = 0.1;
  void visit(FieldVisitor& v);
};

// Whether a value's mean is over those who sent it, else over all.
bool averages_senders(const ZeroFlConfig& config);

// Entries that a client sends of a tensor of `numel`: all of one that the mask (null: none) wholly keeps.
std::int64_t sent_count(const ZeroFlConfig& config, const Mask* mask, ParamId tensor, std::int64_t numel);

// Their positions, ascending, in the tensors that are not sent whole.
std::map<ParamId, std::vector<std::uint32_t>> sent_entries(const ZeroFlConfig& config, const Mask* mask, const Arena& trained,
                                                           const Arena& received);

}  // namespace coppice
