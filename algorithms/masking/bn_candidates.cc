#include "algorithms/masking/bn_candidates.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "core/config_text.h"
#include "core/error.h"
#include "algorithms/budget/quotas.h"
#include "algorithms/importance/importance.h"
#include "algorithms/masking/make_mask.h"

namespace coppice {

std::vector<Mask> bn_candidates(const Model& model, const Arena& base, double density, double epsilon,
                                std::int64_t count, Seed seed, Allocation allocation) {
  if (!(density > 0.0 && density <= 1.0) || !(epsilon >= 0.0) || count < 1) {
    throw InputError("candidates: expected a density in (0, 1], epsilon >= 0 and at least one candidate");
  }
  const Pattern pattern{Pattern::Kind::kUnstructured};
  const std::vector<PatternMatrix> matrices = covered_matrices(model.structure(), pattern, true);
  const ElementScores scores = weight_element_scores(MagnitudeConfig{}, model, base, true, seed);
  std::vector<std::int64_t> least(matrices.size(), 1), most;
  std::int64_t all = 0;
  for (const PatternMatrix& matrix : matrices) {
    most.push_back(matrix.rows_O * matrix.cols_I);
    all += most.back();
  }
  const std::int64_t total = std::llround(density * static_cast<double>(all));
  if (total < static_cast<std::int64_t>(matrices.size())) {
    throw InputError("density " + plain_number(density) + " keeps " + std::to_string(total) + " of " + std::to_string(all) +
                     " weights; expected at least one of each of " + std::to_string(matrices.size()) + " matrices");
  }
  std::vector<double> densities(matrices.size(), density);
  if (allocation != Allocation::kUniform) {
    const BudgetConfig budget{.budget = {.density = density}, .floor = 0.0, .allocation = allocation};
    const auto quotas = element_quotas(model.structure(), *model.base_layout(), pattern, true, budget, nullptr);
    for (std::size_t m = 0; m < matrices.size(); ++m) {
      densities[m] = static_cast<double>(quotas.at(matrices[m].tensor)) / static_cast<double>(most[m]);
    }
  }
  std::vector<Mask> masks;
  for (std::int64_t candidate = 0; candidate < count; ++candidate) {
    Stream stream(seed, Purpose::kCandidates, static_cast<std::uint32_t>(candidate));
    std::vector<double> shares;
    for (std::size_t m = 0; m < most.size(); ++m) {
      const double shift = candidate == 0 ? 0.0 : epsilon * (2.0 * stream.uniform() - 1.0);
      const double size = static_cast<double>(most[m]);
      shares.push_back(std::clamp(densities[m] + shift, 1.0 / size, 1.0) * size);
    }
    const std::vector<std::int64_t> kept = proportional_quotas(shares, least, most, total);
    std::map<ParamId, std::int64_t> quotas;
    for (std::size_t m = 0; m < matrices.size(); ++m) quotas[matrices[m].tensor] = kept[m];
    masks.push_back(make_element_mask(model, pattern, true, scores, quotas));
  }
  return masks;
}

}  // namespace coppice
