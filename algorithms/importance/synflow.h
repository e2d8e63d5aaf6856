// SynFlow: synaptic flow, importance of single weights without data.
//
// Tanaka et al., "Pruning neural networks without any data by iteratively conserving synaptic flow", NeurIPS 2020, Algorithm 1: with |theta| for
// weights, an input of ones and R the sum of the outputs,
//   s_i = |theta_i dR/d|theta_i||
// of what is left, of which the smallest go, again and again, so that no layer is emptied before the others. Iteration k of n keeps
// least^(k / n) of all weights; a weight's score is the iteration it goes in, and within that its rank. What flows in flows out, so a
// neuron's last weight on either side has exactly the same s: scores are compared as float32, and of equal ones the lower index stays.
// Deviations: one schedule for all densities, so that scores do not hang on the budget of a prune stage; the paper's ends at its target.
// Biases are 0 and a batch norm multiplies by |gamma| alone: what flows in flows out, layer by layer (the paper's Theorem 1); the published
// code keeps running means, which break it. Computed at the coordinator: nothing travels. Cost: n passes over one sample, in float64.
#pragma once

#include <map>
#include <vector>

#include "core/config.h"
#include "models/model.h"

namespace coppice {

struct SynFlowConfig {
  static constexpr const char* kName = "synflow";
  std::int64_t iterations = 100;
  double least = 0.001;
  void visit(FieldVisitor& v);
};

// s of one iteration, of every matrix of the structure, where `base` is 0 for what is gone. Throws InputError for models of tokens.
std::map<ParamId, std::vector<double>> synaptic_flow(const Model& model, const Arena& base);

std::map<ParamId, std::vector<float>> synflow_elements(const SynFlowConfig& config, const Model& model, const Arena& base, bool edge);

}  // namespace coppice
