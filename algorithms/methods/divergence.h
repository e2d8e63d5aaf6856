// Whether training has gone wrong: a round's loss that is not finite, or exceeds a multiple of what has been reached.
//
// What has been reached is the least mean of five accepted rounds in a row (of all, while there are fewer): the loss of a round is that of
// its cohort, and one cohort may be lucky.
#pragma once

#include <vector>

namespace coppice {

// `memory` is the caller's, empty at first; a round that is not diverged is remembered. `factor` 0: only what is not finite is.
bool diverged(double loss, double factor, std::vector<double>& memory);

}  // namespace coppice
