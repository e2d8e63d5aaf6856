#include "algorithms/fusion/concentration.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "tests/algorithms/passes.h"

namespace coppice::test {
namespace {

ElementScores scores_of(const Subject& subject) {
  ElementScores scores;
  const ArenaLayout& layout = *subject.model->base_layout();
  for (const PatternMatrix& matrix : subject.model->structure().matrices) {
    const std::vector<double> values = hash_values(layout[matrix.tensor].numel, static_cast<std::uint32_t>(matrix.tensor));
    for (const double value : values) scores[matrix.tensor].push_back(static_cast<float>(std::abs(value)) + 0.01F);
  }
  return scores;
}

TEST(Concentration, PowerZeroChangesNothing) {
  for (const Subject& subject : subjects()) {
    const ElementScores scores = scores_of(subject);
    EXPECT_EQ(concentrated(subject.model->structure(), *subject.model->base_layout(), scores, 0.0), scores) << subject.name;
  }
}

// Fully connected layers, neuron by neuron: neuron j of layer l owns row j of weight l and column j of weight l + 1.
TEST(Concentration, OfAFullyConnectedNetwork) {
  const Subject subject = small_mlp();
  const ArenaLayout& layout = *subject.model->base_layout();
  const ElementScores scores = scores_of(subject);
  std::vector<ParamId> weights;
  for (const auto& [tensor, values] : scores) weights.push_back(tensor);
  constexpr double kPower = 1.5;
  // factors[l][j]: of neuron j behind weight l
  std::vector<std::vector<double>> factors;
  for (std::size_t l = 0; l + 1 < weights.size(); ++l) {
    const auto rows = static_cast<std::size_t>(layout[weights[l]].shape[0]), inputs = static_cast<std::size_t>(layout[weights[l]].shape[1]);
    const auto consumers = static_cast<std::size_t>(layout[weights[l + 1]].shape[0]);
    std::vector<double> unit(rows, 0.0);
    double mean = 0.0;
    for (std::size_t j = 0; j < rows; ++j) {
      for (std::size_t i = 0; i < inputs; ++i) unit[j] += scores.at(weights[l])[j * inputs + i];
      for (std::size_t o = 0; o < consumers; ++o) unit[j] += scores.at(weights[l + 1])[o * rows + j];
      mean += unit[j] / static_cast<double>(rows);
    }
    for (double& u : unit) u = std::pow(u / mean, kPower);
    factors.push_back(std::move(unit));
  }
  ASSERT_GE(factors.size(), 1U);
  const ElementScores found = concentrated(subject.model->structure(), layout, scores, kPower);
  for (std::size_t l = 0; l < weights.size(); ++l) {
    const auto rows = static_cast<std::size_t>(layout[weights[l]].shape[0]), inputs = static_cast<std::size_t>(layout[weights[l]].shape[1]);
    for (std::size_t j = 0; j < rows; ++j) {
      for (std::size_t i = 0; i < inputs; ++i) {
        const double made = l < factors.size() ? factors[l][j] : 1.0, read = l > 0 ? factors[l - 1][i] : 1.0;
        const double expected = scores.at(weights[l])[j * inputs + i] * made * read;
        EXPECT_NEAR(found.at(weights[l])[j * inputs + i], expected, 1e-5 * expected) << l << " " << j << " " << i;
      }
    }
  }
}

// The more power, the fewer channels share the largest scores.
TEST(Concentration, GathersInFewerUnits) {
  const Subject subject = small_resnet8();
  const PrunableStructure structure = subject.model->structure();
  const ArenaLayout& layout = *subject.model->base_layout();
  const auto rows_with_top = [&](double power) {
    const ElementScores scores = concentrated(structure, layout, scores_of(subject), power);
    std::size_t rows = 0;
    for (const auto& [tensor, values] : scores) {
      std::vector<float> sorted = values;
      const auto top = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 20 + 1);
      std::nth_element(sorted.begin(), top, sorted.end(), std::greater<>());
      const std::size_t outputs = static_cast<std::size_t>(layout[tensor].shape[0]), width = values.size() / outputs;
      for (std::size_t o = 0; o < outputs; ++o) {
        rows += std::any_of(values.begin() + static_cast<std::ptrdiff_t>(o * width), values.begin() + static_cast<std::ptrdiff_t>((o + 1) * width),
                            [&](float v) { return v > *top; });
      }
    }
    return rows;
  };
  EXPECT_GT(rows_with_top(0.0), rows_with_top(1.0));
  EXPECT_GT(rows_with_top(1.0), rows_with_top(4.0));
}

}  // namespace
}  // namespace coppice::test
