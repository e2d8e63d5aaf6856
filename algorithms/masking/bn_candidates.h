// Candidate masks for FedTiny's adaptive batch-norm selection.
//
// Huang et al., ICDCS 2023, section IV-A: layer densities s_l + u_l, u_l ~ U(-epsilon, epsilon), rescaled so that
// all layers together keep the global density d, then magnitude pruning in each layer; s_l = d, or those of ERK. Which candidate is best is
// decided by clients' losses after their batch-norm statistics were recomputed under it (variants of one plan).
// Deviations: candidate 0 is the unperturbed one; every layer keeps at least one weight. Cost: one selection a
// candidate.
#pragma once

#include <cstdint>
#include <vector>

#include "algorithms/budget/budget.h"
#include "core/seed.h"
#include "models/arena.h"
#include "models/mask.h"
#include "models/model.h"

namespace coppice {

// `density` of the unstructured pattern's matrices, in (0, 1]; epsilon >= 0, count >= 1. A function of the seed alone. Throws InputError
// where the density is less than a weight a layer.
std::vector<Mask> bn_candidates(const Model& model, const Arena& base, double density, double epsilon,
                                std::int64_t count, Seed seed, Allocation allocation = Allocation::kUniform);

}  // namespace coppice
