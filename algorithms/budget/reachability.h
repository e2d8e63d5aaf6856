// Reachability: does the masked model still carry anything from input to every output?
//
// The real model runs once on an input of ones with each weight replaced by 1 where kept and 0 where dropped, biases
// left out, batch norms reduced to their kept scales; after every matrix product positive outputs become 1, so that
// nothing under- or overflows however deep the model is. Then an output is positive exactly where a path of kept
// weights leads to it. (Layer collapse: Tanaka et al., NeurIPS 2020; their products of |w| underflow.)
// What a dropped layer takes with it whole counts as neither empty nor dead: the residual stream passes by.
// Cost: one forward pass of batch 1.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/mask.h"
#include "models/model.h"

namespace coppice {

struct Reachability {
  std::vector<std::string> empty_tensors;  // prunable tensors with no weight left
  std::string dead_tensor;                 // the first in forward order that passes nothing on; "" where none
  std::int64_t dead_outputs = 0;           // logits that no path reaches
  std::int64_t outputs = 0;

  bool alive() const { return empty_tensors.empty() && dead_tensor.empty() && dead_outputs == 0; }
  std::string describe() const;  // one line for an error; "" where alive
};

Reachability reachability_of(const Model& model, const Mask& mask);

}  // namespace coppice
