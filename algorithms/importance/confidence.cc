#include "algorithms/importance/confidence.h"

#include <algorithm>
#include <numeric>

#include "algorithms/importance/unit_vectors.h"

namespace coppice {
namespace {

std::vector<double> squared(std::vector<double> x) {
  for (double& value : x) value *= value;
  return x;
}

std::vector<double> pooled_variance(std::span<const double> squares, double degrees) {
  if (degrees <= 0.0) return {};
  std::vector<double> variance(squares.begin(), squares.end());
  for (double& value : variance) value = std::max(value, 0.0) / degrees;
  return variance;
}

std::vector<double> sample_variance(std::span<const double> sum, std::span<const double> squares, double count) {
  std::vector<double> deviations(sum.size());
  for (std::size_t i = 0; i < sum.size(); ++i) deviations[i] = squares[i] - sum[i] * sum[i] / std::max(count, 1.0);
  return pooled_variance(deviations, count - 1.0);
}

}  // namespace

Confidence::Confidence(std::vector<std::int64_t> family_sizes) : family_sizes_(std::move(family_sizes)) {
  const auto units =
      static_cast<std::size_t>(std::accumulate(family_sizes_.begin(), family_sizes_.end(), std::int64_t{0}));
  for (Spread* spread : {&coarse_, &fine_}) {
    spread->mean.assign(units, 0.0);
    spread->squares.assign(units, 0.0);
  }
}

void Confidence::Spread::add(std::span<const double> x, double count) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double delta = x[i] - mean[i];
    mean[i] += delta / count;
    squares[i] += delta * (x[i] - mean[i]);
  }
}

void Confidence::add_micro_batch(std::span<const double> coarse, std::span<const double> fine) {
  count_ += 1.0;
  coarse_.add(normalised_by_family(coarse, family_sizes_), count_);
  fine_.add(normalised_by_family(fine, family_sizes_), count_);
}

void Confidence::append(std::span<const double> coarse, std::span<const double> fine,
                        std::vector<std::vector<double>>& values) const {
  values.push_back(coarse_.squares);
  values.push_back(fine_.squares);
  values.push_back({std::max(count_ - 1.0, 0.0)});
  const bool seen = count_ > 0.0;
  for (const std::span<const double> scores : {coarse, fine}) {
    std::vector<double> x =
        seen ? normalised_by_family(scores, family_sizes_) : std::vector<double>(scores.size(), 0.0);
    values.push_back(x);
    values.push_back(squared(std::move(x)));
  }
  values.push_back({seen ? 1.0 : 0.0});
}

void Confidence::append_blocks(std::int64_t units, std::vector<ScoreBlock>& blocks) {
  for (const char* name : {"coarse_deviation", "fine_deviation"})
    blocks.push_back({name, units, ScoreRole::kConfidence});
  blocks.push_back({"degrees", 1, ScoreRole::kConfidence});
  for (const char* name : {"coarse_client", "coarse_client_squared", "fine_client", "fine_client_squared"}) {
    blocks.push_back({name, units, ScoreRole::kConfidence});
  }
  blocks.push_back({"clients", 1, ScoreRole::kConfidence});
}

void Confidence::decode(std::span<const std::vector<double>> sums, UnitScores& scores) {
  scores.coarse_variance = pooled_variance(sums[0], sums[2][0]);
  scores.fine_variance = pooled_variance(sums[1], sums[2][0]);
  scores.coarse_client_variance = sample_variance(sums[3], sums[4], sums[7][0]);
  scores.fine_client_variance = sample_variance(sums[5], sums[6], sums[7][0]);
}

}  // namespace coppice
