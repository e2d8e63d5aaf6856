// Masks from scores: which weights of each matrix stay.
//
//   unstructured  the quota's highest scores of each matrix
//   N:M           the N highest of each M consecutive inputs: density exactly N/M
//   RxC           the blocks with the highest mean scores, as many as make up the quota (nearest, at least one);
//                 a matrix with fewer than R outputs has blocks of all its outputs
//   a program's   what its keep() says
// Ties keep the lower index. Matrices that the pattern does not cover stay dense. Cost: one pass, O(n) selection.
#pragma once

#include <cstdint>
#include <map>
#include <span>

#include "models/mask.h"
#include "models/model.h"
#include "algorithms/importance/importance.h"
#include "algorithms/masking/pattern.h"

namespace coppice {

// `quotas`: weights kept in each covered matrix (element_quotas); not used by N:M. Throws InputError, naming tensor,
// size and pattern, where M does not divide the inputs (input channels), C the inputs or R (<= outputs) the outputs,
// and where a score or a quota is missing or has another size. Throws Error for channels.
Mask make_element_mask(const Model& model, const Pattern& pattern, bool edge, const ElementScores& scores,
                       const std::map<ParamId, std::int64_t>& quotas);

// Checks the divisions alone, before anything is computed.
void check_pattern(const Model& model, const Pattern& pattern, bool edge);

// Throws Error, naming the tensor, where `mask` breaks the pattern: other than N kept of M, or a block kept in part.
void require_pattern(const Model& model, const ElementPattern& pattern, const Mask& mask);

// The scores of one tensor. Throws InputError, naming it, where they are missing, of another size, or not finite.
std::span<const float> scores_of(const ElementScores& scores, const ArenaEntry& entry, ParamId tensor);

}  // namespace coppice
