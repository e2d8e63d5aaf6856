#include "algorithms/methods/divergence.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace coppice {

bool diverged(double loss, double factor, std::vector<double>& memory) {
  constexpr std::size_t kRounds = 5;
  if (!std::isfinite(loss) || (factor > 0.0 && !memory.empty() && loss > factor * memory[0])) return true;
  // The least mean stands in front of the losses that the next is made of.
  if (memory.empty()) memory.push_back(loss);
  memory.push_back(loss);
  if (memory.size() > 1 + kRounds) memory.erase(memory.begin() + 1);
  const double mean = std::accumulate(memory.begin() + 1, memory.end(), 0.0) / static_cast<double>(memory.size() - 1);
  memory[0] = std::min(memory[0], mean);
  return false;
}

}  // namespace coppice
