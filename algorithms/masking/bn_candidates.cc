#include "algorithms/masking/bn_candidates.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "core/error.h"
#include "algorithms/budget/quotas.h"
#include "algorithms/importance/importance.h"
#include "algorithms/masking/make_mask.h"

namespace coppice {

std::vector<Mask> bn_candidates(const Model& model, const Arena& base, double density, double epsilon,
                                std::int64_t count, Seed seed) {
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
  const std::int64_t total =
      std::max(std::llround(density * static_cast<double>(all)), static_cast<long long>(matrices.size()));
  std::vector<Mask> masks;
  for (std::int64_t candidate = 0; candidate < count; ++candidate) {
    Stream stream(seed, Purpose::kCandidates, static_cast<std::uint32_t>(candidate));
    std::vector<double> shares;
    for (const std::int64_t weights : most) {
      const double shift = candidate == 0 ? 0.0 : epsilon * (2.0 * stream.uniform() - 1.0);
      const double size = static_cast<double>(weights);
      shares.push_back(std::clamp(density + shift, 1.0 / size, 1.0) * size);
    }
    const std::vector<std::int64_t> kept = proportional_quotas(shares, least, most, total);
    std::map<ParamId, std::int64_t> quotas;
    for (std::size_t m = 0; m < matrices.size(); ++m) quotas[matrices[m].tensor] = kept[m];
    masks.push_back(make_element_mask(model, pattern, true, scores, quotas));
  }
  return masks;
}

}  // namespace coppice
