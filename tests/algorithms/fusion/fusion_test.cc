#include "algorithms/fusion/fusion.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/error.h"
#include "tests/algorithms/passes.h"

namespace coppice::test {
namespace {

PrunableStructure structure_of(const std::vector<std::int64_t>& sizes) {
  PrunableStructure structure;
  for (const std::int64_t size : sizes) {
    const auto first = static_cast<int>(structure.groups.size());
    structure.families.push_back({"f", "channel", first, static_cast<int>(size)});
    for (int unit = 0; unit < size; ++unit) {
      structure.groups.push_back({static_cast<int>(structure.families.size()) - 1, unit, {}});
    }
  }
  return structure;
}

std::vector<double> magnitudes(std::int64_t count, std::uint32_t salt, double scale = 1.0, double shift = 0.0) {
  std::vector<double> values = hash_values(count, salt, scale);
  for (double& value : values) value = std::abs(value) + shift;
  return values;
}

UnitScores golden_scores() {
  return {.coarse = magnitudes(16, 301),
          .fine = magnitudes(16, 302, 1.0, 0.2),
          .coarse_variance = magnitudes(16, 303),
          .fine_variance = magnitudes(16, 304, 0.5),
          .coarse_client_variance = magnitudes(16, 305),
          .fine_client_variance = magnitudes(16, 306),
          .weight = 1.0};
}

FusionConfig with(GranularityFusionConfig granularity, ScoreScale scale = ScoreScale::kRaw, bool confidence = false) {
  FusionConfig config;
  config.granularity = std::move(granularity);
  config.scale = scale;
  config.confidence = confidence;
  return config;
}

std::vector<std::size_t> order(std::span<const double> scores) {
  std::vector<std::size_t> result(scores.size());
  std::iota(result.begin(), result.end(), std::size_t{0});
  std::stable_sort(result.begin(), result.end(), [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
  return result;
}

TEST(Fusion, Golden) {
  const auto& golden = goldens()["granularity"];
  const PrunableStructure structure = structure_of(golden["sizes"]);
  const UnitScores scores = golden_scores();
  const FusedScores attention = fuse(with(AttentionGranularity{}), structure, scores);
  expect_near(attention.alphas, golden["attention"], 1e-7, "attention alpha");
  expect_near(attention.scores, golden["scores_attention"], 1e-7, "attention");
  expect_near(fuse(with(UncertaintyGranularity{}), structure, scores).alphas, golden["uncertainty"], 1e-7, "alpha");
  expect_near(fuse(with(FixedGranularity{0.3}, ScoreScale::kRelative), structure, scores).scores,
              golden["scores_fixed"], 1e-7, "fixed");
}

TEST(Fusion, EndsOfAlphaKeepTheOrders) {
  for (std::uint32_t salt = 0; salt < 50; ++salt) {
    const std::vector<std::int64_t> sizes = {7, 30, 1, 12};
    const PrunableStructure structure = structure_of(sizes);
    UnitScores scores{.coarse = magnitudes(50, 400 + salt), .fine = magnitudes(50, 500 + salt)};
    scores.coarse[3] = scores.coarse[5];  // a tie
    for (const ScoreScale scale : {ScoreScale::kRaw, ScoreScale::kRelative}) {
      const auto only_coarse = fuse(with(FixedGranularity{1.0}, scale), structure, scores).scores;
      const auto only_fine = fuse(with(FixedGranularity{0.0}, scale), structure, scores).scores;
      std::size_t begin = 0;
      for (const std::int64_t family : sizes) {
        const auto size = static_cast<std::size_t>(family);
        const auto part = [&](const std::vector<double>& x) { return std::span(x).subspan(begin, size); };
        EXPECT_EQ(order(part(only_coarse)), order(part(scores.coarse)));
        EXPECT_EQ(order(part(only_fine)), order(part(scores.fine)));
        begin += size;
      }
      // In the raw scale fine alone is fine itself, so its order holds over the whole model.
      if (scale == ScoreScale::kRaw) expect_near(only_fine, scores.fine, 1e-12, "fine");
    }
  }
}

TEST(Fusion, ScaleOfEitherScoreDoesNotMatter) {
  const PrunableStructure structure = structure_of({6, 9, 1});
  const UnitScores scores = golden_scores();
  UnitScores louder = scores;
  for (double& c : louder.coarse) c *= 1000.0;
  for (const GranularityFusionConfig& rule :
       {GranularityFusionConfig(FixedGranularity{0.4}), GranularityFusionConfig(AttentionGranularity{}),
        GranularityFusionConfig(UncertaintyGranularity{})}) {
    expect_near(fuse(with(rule), structure, louder).scores, fuse(with(rule), structure, scores).scores, 1e-12, "fused");
  }
}

TEST(Fusion, AlphaIsAWeight) {
  for (std::uint32_t salt = 0; salt < 50; ++salt) {
    UnitScores scores{.coarse = magnitudes(20, 600 + salt), .fine = magnitudes(20, 700 + salt)};
    scores.coarse_variance = magnitudes(20, 800 + salt);
    scores.fine_variance = magnitudes(20, 900 + salt);
    for (const GranularityFusionConfig& rule :
         {GranularityFusionConfig(AttentionGranularity{}), GranularityFusionConfig(UncertaintyGranularity{})}) {
      for (const double alpha : fuse(with(rule), structure_of({20}), scores).alphas) {
        EXPECT_GT(alpha, 0.0);
        EXPECT_LT(alpha, 1.0);
      }
    }
  }
}

TEST(Fusion, FlatScoresSayNothing) {
  const UnitScores flat{
      .coarse = {2, 2, 2}, .fine = {5, 5, 5}, .coarse_variance = {0, 0, 0}, .fine_variance = {0, 0, 0}};
  EXPECT_DOUBLE_EQ(fuse(with(AttentionGranularity{}), structure_of({3}), flat).alphas[0], 0.5);
  EXPECT_DOUBLE_EQ(fuse(with(UncertaintyGranularity{}), structure_of({3}), flat).alphas[0], 0.5);
  // A coarse score that is zero throughout leaves the order to fine.
  const UnitScores silent{.coarse = {0, 0, 0}, .fine = {1, 3, 2}};
  const auto fused = fuse(with(AttentionGranularity{}), structure_of({3}), silent);
  EXPECT_LT(fused.alphas[0], 0.5);
  EXPECT_EQ(order(fused.scores), (std::vector<std::size_t>{1, 2, 0}));
}

TEST(Fusion, ConfidenceDiscountsDisagreement) {
  const PrunableStructure structure = structure_of({2});
  const UnitScores scores{
      .coarse = {1, 1}, .fine = {1, 1}, .coarse_client_variance = {0, 4}, .fine_client_variance = {0, 1}};
  const auto fused = fuse(with(FixedGranularity{0.5}, ScoreScale::kRaw, true), structure, scores).scores;
  EXPECT_DOUBLE_EQ(fused[0], 1.0);
  EXPECT_DOUBLE_EQ(fused[1], 1.0 / (1.0 + 1.5 * 1.5));
  EXPECT_DOUBLE_EQ(fuse(with(FixedGranularity{1.0}, ScoreScale::kRaw, true), structure, scores).scores[1], 0.2);
}

TEST(Fusion, MissingVariancesAreNamed) {
  const UnitScores bare{.coarse = {1, 2}, .fine = {2, 1}};
  EXPECT_THROW(fuse(with(UncertaintyGranularity{}), structure_of({2}), bare), InputError);
  EXPECT_THROW(fuse(with(FixedGranularity{}, ScoreScale::kRaw, true), structure_of({2}), bare), InputError);
  EXPECT_THROW(fuse(with(AdaptiveGranularity{}), structure_of({2}), bare), Error);
  EXPECT_THROW(fuse(with(FixedGranularity{}), structure_of({3}), bare), Error);
}

TEST(Fusion, CandidatesOfAdaptive) {
  std::vector<std::string> names;
  for (const Candidate& candidate : candidates({})) names.push_back(candidate.name);
  EXPECT_EQ(names, (std::vector<std::string>{"alpha 0", "alpha 0.25", "alpha 0.5", "alpha 0.75", "alpha 1", "attention",
                                             "uncertainty"}));
  const UnitScores bare{.coarse = {1, 2}, .fine = {2, 1}};
  EXPECT_EQ(candidates({}, &bare).size(), 6U);
  EXPECT_EQ(candidates(with(AttentionGranularity{})).size(), 1U);
  EXPECT_EQ(candidates(with(FixedGranularity{0.3})).at(0).name, "alpha 0.3");
  EXPECT_THROW(candidates(with(AdaptiveGranularity{{}, false, false})), InputError);
  EXPECT_TRUE(needs_confidence({}));
  EXPECT_FALSE(needs_confidence(with(AttentionGranularity{})));
  EXPECT_TRUE(needs_confidence(with(AttentionGranularity{}, ScoreScale::kRaw, true)));
}

TEST(Fusion, TheLeastFiniteLossIsBest) {
  const double nan = std::nan(""), inf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(select_best(std::vector<double>{nan, 0.7, 0.3, 0.3, -inf}), 2U);
  EXPECT_EQ(select_best(std::vector<double>{0.1}), 0U);
  EXPECT_THROW(select_best(std::vector<double>{nan, inf}), Error);
  EXPECT_THROW(select_best(std::vector<double>{}), Error);
}

}  // namespace
}  // namespace coppice::test
