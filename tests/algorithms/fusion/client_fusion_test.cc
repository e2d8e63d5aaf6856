#include "algorithms/fusion/client_fusion.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "tests/algorithms/passes.h"

namespace coppice::test {
namespace {

// A local report of one score block, one confidence block and the weight.
struct Report {
  std::vector<ScoreBlock> blocks;
  Sums values;
};

Report report_of(std::vector<double> scores, std::vector<std::int64_t> sizes, double samples) {
  const auto count = static_cast<std::int64_t>(scores.size());
  for (double& score : scores) score *= samples;
  return {{{"coarse", count, ScoreRole::kScore, std::move(sizes), 0},
           {"clients", 1, ScoreRole::kConfidence},
           {"weight", 1, ScoreRole::kWeight}},
          {std::move(scores), {1.0}, {samples}}};
}

// The score block after the transform, divided by the weight that is returned.
std::vector<double> fused(const ClientFusionConfig& config, Report report, double weight,
                          const std::vector<double>* reference = nullptr) {
  const double w = apply_client_transform(config, report.blocks, report.values, weight, reference);
  EXPECT_EQ(report.values[1][0], 1.0) << "confidence must not be weighted";
  EXPECT_EQ(report.values[2][0], w);
  for (double& value : report.values[0]) value /= w;
  return report.values[0];
}

TEST(ClientFusion, Golden) {
  const auto& golden = goldens()["client_rules"];
  const Report report = report_of(golden["scores"], golden["sizes"], 7.0);
  for (const double weight : {7.0, 1.0}) {
    expect_near(fused(NormalisedMeanFusion{}, report, weight), golden["normalised"], 1e-8, "normalised");
    expect_near(fused(VoteFusion{0.4}, report, weight), golden["vote"], 1e-8, "vote");
    expect_near(fused(RankFusion{}, report, weight), golden["rank"], 1e-8, "rank");
  }
  std::vector<double> own = hash_values(10, 312), reference = hash_values(10, 313);
  for (std::vector<double>* x : {&own, &reference}) {
    for (double& value : *x) value += 0.1;
  }
  Report opinion = report_of(own, {10}, 3.0);
  const double weight = apply_client_transform(AgreementFusion{}, opinion.blocks, opinion.values, 3.0, &reference);
  EXPECT_NEAR(weight, 3.0 * std::max(0.0, static_cast<double>(golden["cosine"])), 1e-8);
  for (double& value : opinion.values[0]) value /= weight;
  expect_near(opinion.values[0], own, 1e-12, "agreement leaves the scores");
}

TEST(ClientFusion, MeanWeighsClients) {
  const std::vector<double> a = {1, 2, 3}, b = {5, 1, 0};
  const auto summed = [&](const ClientFusionConfig& config, double weight_a, double weight_b) {
    Report x = report_of(a, {3}, 2.0), y = report_of(b, {3}, 6.0);
    apply_client_transform(config, x.blocks, x.values, weight_a, nullptr);
    apply_client_transform(config, y.blocks, y.values, weight_b, nullptr);
    add_to(x.values, y.values);
    for (double& value : x.values[0]) value /= x.values[2][0];
    return x.values[0];
  };
  expect_near(summed(MeanFusion{}, 1, 1), {3, 1.5, 1.5}, 1e-12, "clients count the same");
  expect_near(summed(MeanFusion{}, 2, 6), {4, 1.25, 0.75}, 1e-12, "by samples");
  // none is the null member: whatever the weight, the sum of the reports as they came.
  EXPECT_EQ(summed(NoFusion{}, 1, 1), summed(MeanFusion{}, 2, 6));
}

TEST(ClientFusion, OneClientMovesAScoreByItsWeightAtMost) {
  for (std::uint32_t salt = 0; salt < 30; ++salt) {
    std::vector<double> scores = hash_values(40, 1000 + salt, 1e6);
    for (double& score : scores) score = std::abs(score);
    const Report report = report_of(scores, {10, 25, 1, 4}, 11.0);
    for (const ClientFusionConfig& config :
         {ClientFusionConfig(NormalisedMeanFusion{}), ClientFusionConfig(VoteFusion{0.3}),
          ClientFusionConfig(RankFusion{}),
          ClientFusionConfig(NormalisedMeanFusion{NormalisedMeanFusion::Over::kModel})}) {
      for (const double value : fused(config, report, 1.0)) {
        EXPECT_GE(value, 0.0);
        EXPECT_LE(value, 1.0);
      }
    }
    const std::vector<double> votes = fused(VoteFusion{0.3}, report, 1.0);
    EXPECT_EQ(std::accumulate(votes.begin(), votes.end(), 0.0), 3.0 + 8.0 + 1.0 + 2.0);
    const std::vector<double> shares = fused(NormalisedMeanFusion{NormalisedMeanFusion::Over::kModel}, report, 1.0);
    EXPECT_NEAR(std::accumulate(shares.begin(), shares.end(), 0.0), 1.0, 1e-12);
  }
}

TEST(ClientFusion, SetsOfBlocksAreNormalisedTogether) {
  std::vector<ScoreBlock> blocks = {{"element/a", 2, ScoreRole::kScore, {2}, 0},
                                    {"element/b", 1, ScoreRole::kScore, {1}, 0},
                                    {"fine", 1, ScoreRole::kScore, {1}, 1},
                                    {"weight", 1, ScoreRole::kWeight}};
  Sums values = {{1, 2}, {5}, {3}, {4}};
  apply_client_transform(NormalisedMeanFusion{NormalisedMeanFusion::Over::kModel}, blocks, values, 1.0, nullptr);
  EXPECT_EQ(values, (Sums{{0.125, 0.25}, {0.625}, {1}, {1}}));
}

TEST(ClientFusion, AgreementSilencesOpposition) {
  const std::vector<double> reference = {1, -2, 3};
  Report same = report_of({2, -4, 6}, {}, 5.0), opposite = report_of({-1, 2, -3}, {}, 5.0);
  EXPECT_NEAR(apply_client_transform(AgreementFusion{}, same.blocks, same.values, 5.0, &reference), 5.0, 1e-12);
  EXPECT_EQ(apply_client_transform(AgreementFusion{}, opposite.blocks, opposite.values, 5.0, &reference), 0.0);
  for (const double value : opposite.values[0]) EXPECT_EQ(value, 0.0);
  Report first = report_of({2, -4, 6}, {}, 5.0);
  EXPECT_EQ(apply_client_transform(AgreementFusion{}, first.blocks, first.values, 5.0, nullptr), 5.0);
  const std::vector<double> other_size = {1, 2};
  EXPECT_THROW(apply_client_transform(AgreementFusion{}, first.blocks, first.values, 5.0, &other_size), InputError);
}

TEST(ClientFusion, ReferenceIsTheFirstSet) {
  const Subject subject = small_mlp();
  const auto blocks = score_blocks(TaylorConfig{}, *subject.model, {});
  const Sums sums = run_pass(TaylorConfig{}, subject, {}, {batch_for(*subject.model, 4, 1)});
  EXPECT_EQ(agreement_reference(blocks, sums), sums[0]);
  const ScoreRequest elements{.target = ScoreTarget::kElements};
  const auto element_blocks = score_blocks(TaylorConfig{}, *subject.model, elements);
  EXPECT_EQ(agreement_reference(element_blocks, run_pass(TaylorConfig{}, subject, elements, {})).size(),
            static_cast<std::size_t>(element_blocks[0].count + element_blocks[1].count));
}

TEST(ClientFusion, FormsAndSilence) {
  Report signed_report = report_of({1, -1}, {}, 2.0);
  EXPECT_THROW(apply_client_transform(VoteFusion{}, signed_report.blocks, signed_report.values, 1.0, nullptr), Error);
  Report empty = report_of({0, 0}, {2}, 0.0);
  for (const ClientFusionConfig& config :
       {ClientFusionConfig(VoteFusion{}), ClientFusionConfig(RankFusion{}), ClientFusionConfig(MeanFusion{})}) {
    EXPECT_EQ(apply_client_transform(config, empty.blocks, empty.values, 1.0, nullptr), 0.0);
    EXPECT_EQ(empty.values[0], (std::vector<double>{0, 0}));
  }
  EXPECT_TRUE(needs_local_form(VoteFusion{}));
  EXPECT_FALSE(needs_local_form(AgreementFusion{}));
}

}  // namespace
}  // namespace coppice::test
