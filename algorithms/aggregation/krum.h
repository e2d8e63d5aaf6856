// Krum and multi-Krum (Blanchard et al., NeurIPS 2017, section 4): a report's score is the sum of squared distances to its
// n - f - 2 nearest others; the m reports of lowest score are averaged.
//
// Needs n >= 2f + 3 and every report by itself. Cost: O(n^2 d).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace coppice {

// Indices of the `select` chosen reports, ascending; ties go to the lower index. Throws InputError where n < 2f + 3 or
// select is not within 1 to n - f.
std::vector<std::size_t> krum_select(const std::vector<std::vector<double>>& reports, std::int64_t byzantine,
                                     std::int64_t select);

}  // namespace coppice
