// SLoRB, the booster of Huang et al., "Pruning large language models with semi-structural adaptive sparse training", 2024
// (AST-Boosted): beside a pruned matrix W [O, I] a small dense one S [O, I / k] on sums of k inputs,
//
//   y = (M * W) x + S P x,   P [I / k, I] with ones where input j is one of block b
//   S_ob = (1 / k) sum over the dropped weights of row o in block b          (their code's initialisation "mean")
//
// trained with the weights that stay. Deviation: P stays as it is; theirs is trained, too, and costs I^2 / k parameters more. Parameters
// and multiply-adds besides: O I / k, counted wherever the model's are. Cost: one pass over the matrices; no data.
#pragma once

#include "models/mask.h"
#include "models/model_state.h"

namespace coppice {

// `state`, of a model with boosters, with the mask applied; what it drops of a matrix is added to the matrix's booster as above.
ModelState boosted(const ModelState& state, const Mask& mask);

}  // namespace coppice
