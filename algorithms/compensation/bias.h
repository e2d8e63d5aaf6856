// Bias compensation: what dropped weights contribute on average moves into the bias behind them.
//
// FLAP (An et al., AAAI 2024, eq. 6), for dropped weights of any kind:
//   b_o += sum over dropped (o, j) of W_oj mean(x_j)
// with the mean inputs of the uncut model over all samples of all clients. Cost: one pass over the matrices; one number a column travels.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/block.h"
#include "models/mask.h"
#include "models/model_state.h"

namespace coppice {

using InputMeans = std::map<ParamId, std::vector<double>>;  // of a matrix, one a column

// `state` with its biases moved and the mask applied. Throws Error where a matrix with means has no bias.
ModelState bias_compensated(const ModelState& state, const Model& model, const Mask& mask, const InputMeans& means);

// As public blocks of a plan and back. Reading ignores other blocks and throws InputError on ones of another size.
std::map<std::string, Block> to_references(const InputMeans& means, const ArenaLayout& base);
InputMeans means_in(const std::map<std::string, Block>& references, const ArenaLayout& base);

}  // namespace coppice
