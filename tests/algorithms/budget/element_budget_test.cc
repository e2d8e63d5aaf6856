#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "algorithms/budget/budget.h"
#include "algorithms/budget/quotas.h"
#include "tests/algorithms/passes.h"

namespace coppice::test {
namespace {

const Pattern kUnstructured{Pattern::Kind::kUnstructured};

std::int64_t sum_of(const std::map<ParamId, std::int64_t>& quotas) {
  return std::accumulate(quotas.begin(), quotas.end(), std::int64_t{0},
                         [](std::int64_t sum, const auto& quota) { return sum + quota.second; });
}

std::int64_t weights_under(const Model& model, const Pattern& pattern, bool edge) {
  std::int64_t all = 0;
  for (const PatternMatrix& matrix : covered_matrices(model.structure(), pattern, edge))
    all += matrix.rows_O * matrix.cols_I;
  return all;
}

std::map<ParamId, std::int64_t> quotas(const Model& model, const BudgetConfig& config,
                                       const ElementScores* scores = nullptr, const Pattern& pattern = kUnstructured) {
  return element_quotas(model.structure(), *model.base_layout(), pattern, true, config, scores);
}

TEST(ElementBudget, ErkGolden) {
  const auto check = [](const ModelConfig& config, const nlohmann::json& golden) {
    const auto model = make_model(config);
    for (const auto& [density, densities] : golden.items()) {
      const auto found =
          quotas(*model, {.budget = {.density = std::stod(density)}, .floor = 0.0, .allocation = Allocation::kErk});
      ASSERT_EQ(found.size(), densities.size());
      std::size_t i = 0;
      for (const auto& [tensor, quota] : found) {
        const auto numel = static_cast<double>((*model->base_layout())[tensor].numel);
        EXPECT_NEAR(static_cast<double>(quota), static_cast<double>(densities[i++]) * numel, 1.0) << density;
      }
    }
  };
  Resnet20Config resnet;
  resnet.input = {32, 32, 3};
  check(resnet, goldens()["erk"]["resnet20"]);
  check(MlpConfig{.inputs = 40, .hidden = {32, 24}, .outputs = 10}, goldens()["erk"]["mlp"]);
}

TEST(ElementBudget, TotalsAreExact) {
  for (const Subject& subject : subjects()) {
    const ElementScores scores =
        weight_element_scores(RandomConfig{}, *subject.model, subject.state.base, true, {.run = 3});
    for (const Allocation allocation : {Allocation::kUniform, Allocation::kErk, Allocation::kGlobal}) {
      for (const double density : {0.05, 0.31, 0.5, 0.977, 1.0}) {
        const BudgetConfig config{.budget = {.density = density}, .allocation = allocation};
        const auto found = quotas(*subject.model, config, &scores);
        const std::int64_t all = weights_under(*subject.model, kUnstructured, true);
        EXPECT_EQ(sum_of(found), std::llround(density * static_cast<double>(all))) << subject.name << " " << density;
        for (const auto& [tensor, quota] : found) {
          const std::int64_t numel = (*subject.model->base_layout())[tensor].numel;
          EXPECT_GE(quota, 1);
          EXPECT_LE(quota, numel);
          EXPECT_GE(static_cast<double>(quota), std::floor(0.1 * density * static_cast<double>(numel)));
          if (allocation == Allocation::kUniform) {
            EXPECT_NEAR(static_cast<double>(quota), density * static_cast<double>(numel), 1.0);
          }
        }
      }
    }
  }
}

TEST(ElementBudget, AMassLiesBetweenErkAndTheScores) {
  const Subject subject = small_mlp();
  ElementScores scores = weight_element_scores(RandomConfig{}, *subject.model, subject.state.base, true, {.run = 3});
  for (float& score : scores.at(2)) score *= 20.0F;
  const auto with_mass = [&](double mass) {
    return quotas(*subject.model, {.budget = {.density = 0.2}, .floor = 0.0, .allocation = Allocation::kErk, .mass = mass}, &scores);
  };
  EXPECT_EQ(with_mass(0.0), quotas(*subject.model, {.budget = {.density = 0.2}, .floor = 0.0, .allocation = Allocation::kErk}));
  EXPECT_LT(with_mass(0.0).at(2), with_mass(0.5).at(2));
  EXPECT_LT(with_mass(0.5).at(2), with_mass(1.0).at(2));
  double all = 0.0;
  std::map<ParamId, double> masses;
  for (const auto& [tensor, values] : scores) all += masses[tensor] = std::accumulate(values.begin(), values.end(), 0.0);
  const auto found = with_mass(1.0);
  const auto total = static_cast<double>(sum_of(found));
  if (found.at(2) < static_cast<std::int64_t>(scores.at(2).size())) {  // unless it is full
    EXPECT_NEAR(static_cast<double>(found.at(2)), total * masses.at(2) / all, 1.0);
  }
  for (const double mass : {0.3, 1.0}) EXPECT_EQ(sum_of(with_mass(mass)), sum_of(with_mass(0.0)));
  std::vector<double> tried;
  for (const BudgetConfig& one : alternatives_of({.budget = {.density = 0.2}, .allocation = Allocation::kAdaptive})) {
    EXPECT_EQ(one.allocation, Allocation::kErk);
    tried.push_back(one.mass);
  }
  EXPECT_EQ(tried, (std::vector{0.0, 0.25, 0.5, 0.75, 1.0}));
  EXPECT_EQ(alternatives_of({.allocation = Allocation::kGlobal}).size(), 1U);
}

// Global quotas are the counts of a plain sort, floors aside.
TEST(ElementBudget, GlobalIsASort) {
  const Subject subject = small_resnet8();
  ElementScores scores;
  std::vector<std::pair<float, ParamId>> sorted;
  for (const PatternMatrix& matrix : subject.model->structure().matrices) {
    std::vector<float>& values = scores[matrix.tensor];
    for (const double value :
         hash_values(matrix.rows_O * matrix.cols_I, 40 + static_cast<std::uint32_t>(matrix.tensor))) {
      values.push_back(static_cast<float>(std::round(std::abs(value) * 64) / (1 + matrix.tensor)));  // with ties
      sorted.emplace_back(values.back(), matrix.tensor);
    }
  }
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  for (const double density : {0.1, 0.5, 0.9}) {
    const auto kept = static_cast<std::size_t>(std::llround(density * static_cast<double>(sorted.size())));
    std::map<ParamId, std::int64_t> expected;
    for (const PatternMatrix& matrix : subject.model->structure().matrices) expected[matrix.tensor] = 0;
    for (std::size_t i = 0; i < kept; ++i) ++expected[sorted[i].second];
    const bool floored = std::any_of(expected.begin(), expected.end(), [](const auto& e) { return e.second == 0; });
    const auto found = quotas(*subject.model, {.budget = {.density = density}, .floor = 0.0}, &scores);
    if (!floored) {
      EXPECT_EQ(found, expected);
    }
    EXPECT_EQ(sum_of(found), static_cast<std::int64_t>(kept));
  }
}

TEST(ElementBudget, GlobalNeverStarvesAMatrix) {
  const Subject subject = small_mlp();
  ElementScores scores = weight_element_scores(MagnitudeConfig{}, *subject.model, subject.state.base, true, {});
  for (float& score : scores.at(2)) score = 0.0F;  // layers.1 looks worthless
  const auto found = quotas(*subject.model, {.budget = {.density = 0.1}, .floor = 0.5}, &scores);
  EXPECT_EQ(found.at(2), static_cast<std::int64_t>(std::ceil(0.5 * 0.1 * 128)));
  EXPECT_EQ(quotas(*subject.model, {.budget = {.density = 0.1}, .floor = 0.0}, &scores).at(2), 1);
}

// Blocks compete with their mean score, and quotas count their weights.
TEST(ElementBudget, BlocksCompete) {
  const auto model = make_model(MlpConfig{.inputs = 8, .hidden = {8, 8}, .outputs = 8});
  const Pattern pattern{Pattern::Kind::kVectors, 4, 1};
  ElementScores scores;
  for (const ParamId tensor : {0, 2, 4}) scores[tensor].assign(64, 0.0F);
  for (std::size_t i = 0; i < 64; i += 8) scores[2][i] = 3.0F;  // input 0 of layers.1: two blocks of mean 3
  scores[4][1] = 8.0F;                                          // one block of mean 2
  scores[0][0] = 4.0F;                                          // one of mean 1
  const auto found = quotas(*model, {.budget = {.density = 16.0 / 192.0}, .floor = 0.0}, &scores, pattern);
  EXPECT_EQ(found, (std::map<ParamId, std::int64_t>{{0, 4}, {2, 8}, {4, 4}}));
}

TEST(ElementBudget, BadConfigsAreRefused) {
  const Subject subject = small_mlp();
  EXPECT_THROW(quotas(*subject.model, {.budget = {.flops = 0.5}}), InputError);
  EXPECT_THROW(quotas(*subject.model, {.budget = {.density = 0.1}, .cap = 0.5, .allocation = Allocation::kErk}),
               InputError);
  EXPECT_THROW(quotas(*subject.model, {.budget = {.density = 0.001}, .allocation = Allocation::kErk}), InputError);
  EXPECT_THROW(quotas(*subject.model, {.budget = {.density = 0.5}}), Error);
  const ElementScores short_scores = {{0, {1.0F}}};
  EXPECT_THROW(quotas(*subject.model, {.budget = {.density = 0.5}}, &short_scores), InputError);
}

TEST(Quotas, BoundsAndProportions) {
  const std::vector<std::int64_t> least = {1, 5, 0}, most = {100, 100, 4};
  EXPECT_EQ(proportional_quotas(std::vector<double>{1, 1, 1}, least, most, 24), (std::vector<std::int64_t>{10, 10, 4}));
  EXPECT_EQ(proportional_quotas(std::vector<double>{8, 1, 1}, least, most, 16), (std::vector<std::int64_t>{10, 5, 1}));
  EXPECT_EQ(proportional_quotas(std::vector<double>{1, 1, 1}, least, most, 204), most);
  EXPECT_EQ(proportional_quotas(std::vector<double>{1, 1, 1}, least, most, 6), least);
  EXPECT_EQ(proportional_quotas(std::vector<double>{1, 1}, std::vector<std::int64_t>{0, 0},
                                std::vector<std::int64_t>{9, 9}, 5),
            (std::vector<std::int64_t>{3, 2}));
  EXPECT_THROW(proportional_quotas(std::vector<double>{1, 1, 1}, least, most, 205), Error);
  EXPECT_THROW(proportional_quotas(std::vector<double>{1, 1, 1}, least, most, 5), Error);
  EXPECT_THROW(proportional_quotas(std::vector<double>{1, 0, 1}, least, most, 20), Error);
}

}  // namespace
}  // namespace coppice::test
