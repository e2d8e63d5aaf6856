// What every importance must obey, on every family of models.
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "tests/algorithms/passes.h"

namespace coppice::test {
namespace {

const std::vector<ImportanceConfig> kFirstOrder = {TaylorConfig{}, SnipConfig{}};
const std::vector<ImportanceConfig> kAll = {TaylorConfig{},
                                            TaylorConfig{TaylorConfig::Order::kSecond},
                                            TaylorConfig{TaylorConfig::Order::kMix},
                                            SnipConfig{},
                                            FisherConfig{},
                                            ActivationConfig{},
                                            RiaConfig{},
                                            FlapConfig{}};

std::vector<Batch> batches_of(const Subject& subject, std::uint32_t salt) {
  return {batch_for(*subject.model, 3, salt), batch_for(*subject.model, 2, salt + 10)};
}

// FLAP has no columns to look at where whole layers go, and says so.
bool refused(const ImportanceConfig& config, const Subject& subject) {
  if (!std::holds_alternative<FlapConfig>(config) || subject.model->structure().families.front().kind != "layer") return false;
  EXPECT_THROW(score_blocks(config, *subject.model, {}), InputError);
  return true;
}

TEST(ImportanceLaws, BlocksAreAsDeclared) {
  for (const Subject& subject : subjects()) {
    for (const ImportanceConfig& config : kAll) {
      if (refused(config, subject)) continue;
      for (const ScoreTarget target : {ScoreTarget::kUnits, ScoreTarget::kElements}) {
        for (const ScoreForm form : {ScoreForm::kSigned, ScoreForm::kLocal}) {
          const ScoreRequest request{target, form, target == ScoreTarget::kUnits, true};
          const auto blocks = score_blocks(config, *subject.model, request);
          EXPECT_EQ(make_estimator(config, *subject.model, request)->blocks(), blocks);
          for (const bool samples : {true, false}) {
            const Sums sums =
                run_pass(config, subject, request, samples ? batches_of(subject, 1) : std::vector<Batch>{});
            ASSERT_EQ(sums.size(), blocks.size());
            for (std::size_t b = 0; b < blocks.size(); ++b) {
              ASSERT_EQ(static_cast<std::int64_t>(sums[b].size()), blocks[b].count) << blocks[b].name;
              if (!samples) {
                EXPECT_EQ(std::count(sums[b].begin(), sums[b].end(), 0.0), blocks[b].count) << blocks[b].name;
              }
              if (!blocks[b].families.empty()) {
                EXPECT_EQ(std::accumulate(blocks[b].families.begin(), blocks[b].families.end(), std::int64_t{0}),
                          blocks[b].count);
              }
            }
          }
        }
      }
    }
  }
}

TEST(ImportanceLaws, CoarseNeverExceedsFine) {
  for (const Subject& subject : subjects()) {
    for (const ImportanceConfig& config : {kFirstOrder[0], kFirstOrder[1], kAll[5]}) {
      for (const ScoreForm form : {ScoreForm::kSigned, ScoreForm::kLocal}) {
        const ScoreRequest request{.form = form};
        const UnitScores scores =
            unit_scores(config, subject, request, run_pass(config, subject, request, batches_of(subject, 1)));
        double coarse = 0.0, fine = 0.0;
        for (std::size_t g = 0; g < scores.fine.size(); ++g) {
          EXPECT_LE(scores.coarse[g], scores.fine[g] * (1 + 1e-12)) << subject.name;
          coarse += scores.coarse[g];
          fine += scores.fine[g];
        }
        EXPECT_GT(coarse, 0.02 * fine) << subject.name;
      }
    }
  }
}

// Blocks of separate clients add up to the blocks of their pooled data, wherever the form promises that.
TEST(ImportanceLaws, SignedSumsAreThoseOfPooledData) {
  for (const Subject& subject : subjects()) {
    for (const ImportanceConfig& config : kAll) {
      if (refused(config, subject)) continue;
      for (const ScoreTarget target : {ScoreTarget::kUnits, ScoreTarget::kElements}) {
        const ScoreRequest request{.target = target, .edge = true};
        const std::vector<Batch> first = batches_of(subject, 1), second = batches_of(subject, 50);
        Sums apart = run_pass(config, subject, request, first);
        add_to(apart, run_pass(config, subject, request, second));
        const Sums pooled = run_pass(config, subject, request, {first[0], first[1], second[0], second[1]});
        const auto blocks = score_blocks(config, *subject.model, request);
        for (std::size_t b = 0; b < blocks.size(); ++b) {
          if (blocks[b].name != "fine") expect_near(apart[b], pooled[b], 1e-5, subject.name + " " + blocks[b].name);
        }
      }
    }
  }
}

TEST(ImportanceLaws, FineOfFisherIsThatOfPooledData) {
  const Subject subject = small_resnet8();
  const std::vector<Batch> first = batches_of(subject, 1), second = batches_of(subject, 50);
  Sums apart = run_pass(FisherConfig{}, subject, {}, first);
  add_to(apart, run_pass(FisherConfig{}, subject, {}, second));
  const Sums pooled = run_pass(FisherConfig{}, subject, {}, {first[0], first[1], second[0], second[1]});
  expect_near(apart[1], pooled[1], 1e-5, "fine");
}

// A filter's scale cannot change the loss where batch norm removes it again.
TEST(ImportanceLaws, CoarseScoresVanishUnderBatchNormInTrainMode) {
  const Subject subject = small_resnet20();
  const auto coherence = [&](Mode mode) {
    const Sums sums =
        run_pass(TaylorConfig{}, subject, {.target = ScoreTarget::kElements}, {batch_for(*subject.model, 16, 3)}, mode);
    double coarse = 0.0, fine = 0.0;  // of the filters of all inner convolutions, all followed by a batch norm
    const auto structure = subject.model->structure();
    std::size_t block = 0;
    for (const PatternMatrix& matrix : structure.matrices) {
      if (matrix.edge) continue;
      for (std::int64_t o = 0; o < matrix.rows_O; ++o) {
        double sum = 0.0;
        for (std::int64_t i = 0; i < matrix.cols_I; ++i) {
          const double s = sums[block][static_cast<std::size_t>(o * matrix.cols_I + i)];
          sum += s;
          fine += std::abs(s);
        }
        coarse += std::abs(sum);
      }
      ++block;
    }
    return coarse / fine;
  };
  EXPECT_LT(coherence(Mode::kTrain), 1e-3);
  EXPECT_GT(coherence(Mode::kEval), 3e-2);
}

// Swapping two neurons swaps their scores.
TEST(ImportanceLaws, ScoresFollowTheUnits) {
  Subject subject = small_mlp();
  const std::vector<Batch> batches = batches_of(subject, 1);
  for (const ImportanceConfig& config : kAll) {
    const UnitScores before = unit_scores(config, subject, {}, run_pass(config, subject, {}, batches));
    const auto swap = [&] {
      const auto& views = subject.state.base.views();
      for (const int tensor : {2, 3}) {  // rows of layers.1
        const at::Tensor row = views[static_cast<std::size_t>(tensor)][1].clone();
        views[static_cast<std::size_t>(tensor)][1].copy_(views[static_cast<std::size_t>(tensor)][5]);
        views[static_cast<std::size_t>(tensor)][5].copy_(row);
      }
      const at::Tensor column = views[4].select(1, 1).clone();
      views[4].select(1, 1).copy_(views[4].select(1, 5));
      views[4].select(1, 5).copy_(column);
    };
    swap();
    const UnitScores after = unit_scores(config, subject, {}, run_pass(config, subject, {}, batches));
    swap();
    std::vector<double> expected = before.fine;
    std::swap(expected[16 + 1], expected[16 + 5]);
    expect_near(after.fine, expected, 1e-5, "fine");
    expected = before.coarse;
    std::swap(expected[16 + 1], expected[16 + 5]);
    expect_near(after.coarse, expected, 1e-5, "coarse");
    EXPECT_GT(std::abs(before.fine[17] - before.fine[21]), 1e-3 * before.fine[17]);
  }
}

TEST(ImportanceLaws, SnipSumsToOne) {
  const Subject subject = small_resnet8();
  const UnitScores scores =
      unit_scores(SnipConfig{}, subject, {}, run_pass(SnipConfig{}, subject, {}, batches_of(subject, 1)));
  EXPECT_NEAR(std::accumulate(scores.fine.begin(), scores.fine.end(), 0.0), 1.0, 1e-12);
}

TEST(ImportanceLaws, RandomIsAFunctionOfTheSeed) {
  const Subject subject = small_resnet8();
  const auto draw = [&](Seed seed) {
    return weight_unit_scores(RandomConfig{}, *subject.model, subject.state.base, seed).fine;
  };
  EXPECT_EQ(draw({.run = 1}), draw({.run = 1}));
  EXPECT_NE(draw({.run = 1}), draw({.run = 2}));
  EXPECT_NE(draw({.run = 1}), draw({.run = 1, .client = 1}));
  const auto elements = weight_element_scores(RandomConfig{}, *subject.model, subject.state.base, true, {.run = 1});
  double sum = 0.0, count = 0.0;
  for (const auto& [tensor, scores] : elements) {
    for (const float score : scores) {
      EXPECT_GE(score, 0.0F);
      EXPECT_LT(score, 1.0F);
      sum += score;
      count += 1.0;
    }
  }
  EXPECT_NEAR(sum / count, 0.5, 4.0 * std::sqrt(1.0 / 12.0 / count));
}

TEST(ImportanceLaws, EdgesOnlyOnRequest) {
  const Subject subject = small_mlp();
  for (const bool edge : {false, true}) {
    const ScoreRequest request{.target = ScoreTarget::kElements, .edge = edge};
    EXPECT_EQ(score_blocks(TaylorConfig{}, *subject.model, request).size(), edge ? 5U : 3U);
    EXPECT_EQ(weight_element_scores(MagnitudeConfig{}, *subject.model, subject.state.base, edge, {}).size(),
              edge ? 4U : 2U);
  }
}

TEST(ImportanceLaws, BrokenSumsAreRefused) {
  const Subject subject = small_mlp();
  const Sums good = run_pass(TaylorConfig{}, subject, {}, batches_of(subject, 1));
  const auto refuses = [&](Sums sums, const std::string& why) {
    try {
      unit_scores(TaylorConfig{}, subject, {}, sums);
      FAIL() << "accepted sums that are wrong: " << why;
    } catch (const InputError& error) {
      EXPECT_NE(std::string(error.what()).find(why), std::string::npos) << error.what();
    }
  };
  Sums bad = good;
  bad.pop_back();
  refuses(bad, "blocks");
  bad = good;
  bad[1].push_back(0.0);
  refuses(bad, "'fine'");
  bad = good;
  bad[0][2] = std::nan("");
  refuses(bad, "not finite");
  bad = good;
  bad.back()[0] = 0.0;
  refuses(bad, "weight");
}

TEST(ImportanceLaws, WeightsAloneNeedNoPass) {
  const Subject subject = small_mlp();
  EXPECT_TRUE(from_weights_alone(MagnitudeConfig{}));
  EXPECT_TRUE(from_weights_alone(RandomConfig{}));
  EXPECT_THROW(make_estimator(RandomConfig{}, *subject.model, {}), Error);
  EXPECT_THROW(weight_unit_scores(SnipConfig{}, *subject.model, subject.state.base, {}), Error);
  for (const ImportanceConfig& config : kAll) EXPECT_FALSE(from_weights_alone(config));
}

}  // namespace
}  // namespace coppice::test
