// What a program adds to algorithms does what built-in choices do, to the bit, where it says the same.
#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "algorithms/exchange/plan_codec.h"
#include "algorithms/fusion/fusion.h"
#include "algorithms/masking/make_mask.h"
#include "core/error.h"
#include "tests/algorithms/passes.h"

namespace coppice::test {
namespace {

struct Product final : GradientImportance {
  double factor = 1.0;
  void visit(FieldVisitor& v) override { v.field("factor", factor, "of w g"); }
  void add(std::span<const float> w, std::span<const float> g, std::int64_t /*samples*/, std::span<float> sums) const override {
    for (std::size_t i = 0; i < w.size(); ++i) sums[i] += static_cast<float>(factor) * (w[i] * g[i]);
  }
};

struct Absolute final : WeightImportance {
  std::vector<float> scores(const ArenaEntry& /*matrix*/, std::span<const float> weights) const override {
    std::vector<float> all(weights.begin(), weights.end());
    for (float& w : all) w = std::abs(w);
    return all;
  }
};

struct Shares final : ClientFusion {
  void transform(std::span<double> family) const override {
    double sum = 0.0;
    for (const double score : family) sum += score;
    for (double& score : family) score = sum > 0.0 ? score / sum : 0.0;
  }
};

struct Average final : GranularityFusion {
  std::vector<double> fuse(std::span<const double> coarse, std::span<const double> fine) const override {
    std::vector<double> scores;
    for (std::size_t i = 0; i < coarse.size(); ++i) scores.push_back(0.5 * coarse[i] + (1.0 - 0.5) * fine[i]);
    return scores;
  }
};

// The built-in N:M of fully connected layers, as somebody else would write it.
struct TwoOfFour final : MaskPattern {
  Bits keep(const ArenaEntry& matrix, std::span<const float> scores, std::int64_t /*quota*/) const override {
    Bits bits(matrix.numel, false);
    for (std::int64_t first = 0; first < matrix.numel; first += 4) {
      std::vector<std::int64_t> order = {first, first + 1, first + 2, first + 3};
      std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return scores[static_cast<std::size_t>(a)] > scores[static_cast<std::size_t>(b)]; });
      for (int i = 0; i < 2; ++i) bits.set(order[static_cast<std::size_t>(i)], true);
    }
    return bits;
  }
};

template <class T>
auto own(T value) {
  return Custom<typename T::Interface>("own", std::move(value));
}

TEST(Extensions, AProductOfWeightAndGradientIsTaylor) {
  for (const Subject& subject : subjects()) {
    const std::vector<Batch> batches = {batch_for(*subject.model, 4, 1), batch_for(*subject.model, 4, 2)};
    for (const bool confidence : {false, true}) {
      for (const ScoreForm form : {ScoreForm::kSigned, ScoreForm::kLocal}) {
        const ScoreRequest request{.form = form, .confidence = confidence};
        const Sums expected = run_pass(TaylorConfig{}, subject, request, batches);
        const Sums found = run_pass(own(Product{}), subject, request, batches);
        ASSERT_EQ(found.size(), expected.size()) << subject.name;
        EXPECT_EQ(found[0], expected[0]) << subject.name;
        EXPECT_EQ(found[1], expected[1]) << subject.name;
        const UnitScores scores = unit_scores(own(Product{}), subject, request, found);
        EXPECT_EQ(scores.coarse, unit_scores(TaylorConfig{}, subject, request, expected).coarse);
        EXPECT_EQ(scores.coarse_variance.empty(), !confidence);
      }
    }
    const ScoreRequest elements{.target = ScoreTarget::kElements};
    EXPECT_EQ(run_pass(own(Product{}), subject, elements, batches), run_pass(TaylorConfig{}, subject, elements, batches));
  }
}

TEST(Extensions, ScoresOfWeightsAreMagnitude) {
  const ImportanceConfig mine = own(Absolute{});
  EXPECT_TRUE(from_weights_alone(mine));
  EXPECT_FALSE(from_weights_alone(own(Product{})));
  for (const Subject& subject : subjects()) {
    const Arena& base = subject.state.base;
    EXPECT_EQ(weight_element_scores(mine, *subject.model, base, true, Seed{}),
              weight_element_scores(MagnitudeConfig{}, *subject.model, base, true, Seed{}));
    EXPECT_EQ(weight_unit_scores(mine, *subject.model, base, Seed{}).fine,
              weight_unit_scores(MagnitudeConfig{}, *subject.model, base, Seed{}).fine);
  }
}

TEST(Extensions, SharesAreTheNormalisedMean) {
  const Subject subject = small_cnn();
  const ScoreRequest request{.form = ScoreForm::kLocal};
  const auto blocks = score_blocks(TaylorConfig{}, *subject.model, request);
  const Sums pass = run_pass(TaylorConfig{}, subject, request, {batch_for(*subject.model, 8, 1)});
  Sums expected = pass, found = pass;
  EXPECT_TRUE(needs_local_form(own(Shares{})));
  EXPECT_EQ(apply_client_transform(own(Shares{}), blocks, found, 3.0, nullptr),
            apply_client_transform(NormalisedMeanFusion{}, blocks, expected, 3.0, nullptr));
  EXPECT_EQ(found, expected);
  EXPECT_NE(found, pass);
}

TEST(Extensions, AnAverageIsTheFixedFusionOfOneHalf) {
  const Subject subject = small_resnet8();
  const ScoreRequest request;
  const Sums sums = run_pass(TaylorConfig{}, subject, request, {batch_for(*subject.model, 8, 1)});
  const UnitScores scores = unit_scores(TaylorConfig{}, subject, request, sums);
  FusionConfig mine, fixed;
  mine.granularity = own(Average{});
  fixed.granularity = FixedGranularity{0.5};
  EXPECT_EQ(fuse(mine, subject.model->structure(), scores).scores, fuse(fixed, subject.model->structure(), scores).scores);
  ASSERT_EQ(candidates(mine).size(), 1U);
  EXPECT_EQ(candidates(mine)[0].name, "own");
}

TEST(Extensions, APatternMakesAMask) {
  const Subject subject = small_mlp();
  const ElementScores scores = weight_element_scores(MagnitudeConfig{}, *subject.model, subject.state.base, true, Seed{});
  std::map<ParamId, std::int64_t> quotas;
  for (const auto& [tensor, values] : scores) quotas[tensor] = static_cast<std::int64_t>(values.size()) / 2;
  const Pattern pattern = make_pattern(PatternConfig(own(TwoOfFour{})));
  EXPECT_EQ(to_string(pattern), "own");
  EXPECT_TRUE(make_element_mask(*subject.model, pattern, false, scores, quotas) ==
              make_element_mask(*subject.model, parse_pattern("2:4"), false, scores, {}));
}

TEST(Extensions, TravelInAPlanByTheirName) {
  const Subject subject = small_cnn();
  RoundPlan plan;
  plan.values = std::make_shared<const ModelState>(subject.state.clone());
  plan.cohort = {0, 1};
  EstimateTask task;
  Product half;
  half.factor = 0.5;
  task.importance = Custom<Importance>("product", half);
  task.release.transform = Custom<ClientFusion>("shares", Shares{});
  plan.tasks = {task};
  Extensions extensions;
  extensions.add<Product>("product").add<Shares>("shares");
  PlanCache sender;
  const Envelope envelope = encode_plan(plan, sender);
  PlanCache receiver;
  const RoundPlan got = decode_plan(envelope, receiver, extensions);
  const auto& arrived = std::get<Custom<Importance>>(std::get<EstimateTask>(got.tasks.at(0)).importance);
  EXPECT_EQ(dynamic_cast<const Product&>(*arrived).factor, 0.5);
  PlanCache empty;
  EXPECT_EQ(encode_plan(got, empty).body, envelope.body);
  try {
    PlanCache stranger;
    decode_plan(envelope, stranger);
    ADD_FAILURE() << "a rank without the extension took the plan";
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("plan: tasks.0.estimate.importance.kind: found 'product'"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace coppice::test
