// Cuts of single weights in steps, and the choice among masks some of which cut the model in two, on real ranks.
#include <gtest/gtest.h>

#include "algorithms/methods/pruning.h"
#include "core/error.h"
#include "tests/simulations/golden_federation.h"

namespace coppice::test {
namespace {

constexpr std::int64_t kSteps = 3;

struct StepwiseCut : Setting {
  explicit StepwiseCut(ImportanceConfig importance) : Setting(sparse_goldens().at("cases").front()) {
    scores = ScoreConfig{.importance = std::move(importance), .fusion = {.clients = NoFusion{}}, .batches = 0};
    prune.pattern = PatternText{"unstructured"};
    prune.steps = kSteps;
    prune.rounds = 1;
    prune.budget = {.budget = {.density = 0.3}, .allocation = Allocation::kErk};
    start.tracks[kMainTrack] = start.tracks[kDenseTrack];
  }

  std::vector<std::unique_ptr<Method>> stages() const {
    std::vector<std::unique_ptr<Method>> all;
    for (std::int64_t step = 1; step <= kSteps; ++step) {
      if (step > 1) {
        FinetuneConfig training = training_between(prune);
        all.push_back(std::make_unique<FederatedTraining>("finetune", training, federation, LossKind::kCrossEntropy, data->population(),
                                                          pattern));
      }
      if (!from_weights_alone(scores.importance)) {
        all.push_back(std::make_unique<Scoring>(scores, ScoreTarget::kElements, true, federation, LossKind::kCrossEntropy,
                                                data->population()));
      }
      all.push_back(std::make_unique<Pruning>(step_of(prune, step), scores, federation, LossKind::kCrossEntropy, data->population()));
    }
    return all;
  }

  ScoreConfig scores;
  PruneConfig prune;
};

TEST(StepwiseCuts, TheKeptFractionFallsWithTheThirdPowerOfWhatIsLeft) {
  PruneConfig config;
  config.pattern = PatternText{"unstructured"};
  config.steps = 4;
  config.budget.budget.density = 0.02;
  for (const auto& [step, kept] : {std::pair{1, 0.02 + 0.98 * 27.0 / 64.0}, {2, 0.02 + 0.98 / 8.0}, {3, 0.02 + 0.98 / 64.0}, {4, 0.02}}) {
    EXPECT_DOUBLE_EQ(step_of(config, step).budget.budget.density, kept);
    EXPECT_EQ(step_of(config, step).steps, 1);
  }
}

TEST(StepwiseCuts, NoWeightComesBackWhateverScoresIt) {
  for (const ImportanceConfig& importance :
       {ImportanceConfig{MagnitudeConfig{}}, ImportanceConfig{GraspConfig{}}, ImportanceConfig{RandomConfig{}}}) {
    SCOPED_TRACE(kind_of(importance));
    const StepwiseCut setting(importance);
    State state = setting.start;
    const auto dense = state.track(kMainTrack).values->digest();
    std::optional<Mask> before;
    std::vector<double> densities;
    while (state.stage < static_cast<std::int64_t>(setting.stages().size())) {
      run_stages(setting.stages(), state, setting.data, 1, 1);
      const Track& track = state.track(kMainTrack);
      if (!track.mask || (before && *track.mask == *before)) continue;
      for (const auto& [tensor, bits] : track.mask->elements()) {
        for (std::int64_t i = 0; i < bits.size(); ++i) {
          EXPECT_TRUE(!bits[i] || !before || before->bits(tensor)[i]);
          EXPECT_TRUE(bits[i] || track.values->base.floats(tensor)[static_cast<std::size_t>(i)] == 0.0F);
        }
      }
      before = *track.mask;
      densities.push_back(before->density());
    }
    ASSERT_EQ(densities.size(), static_cast<std::size_t>(kSteps));
    EXPECT_GT(densities[0], densities[1]);
    EXPECT_GT(densities[1], densities[2]);
    EXPECT_EQ(state.track(kDenseTrack).values->digest(), dense);
  }
}

TEST(StepwiseCuts, TheBitsDoNotDependOnRanksOrInterruptions) {
  const StepwiseCut setting(SnipConfig{});
  State one = setting.start, two = setting.start, resumed = setting.start;
  run_stages(setting.stages(), one, setting.data, 1);
  run_stages(setting.stages(), two, setting.data, 2);
  while (resumed.stage < static_cast<std::int64_t>(setting.stages().size())) {
    resumed = reloaded(resumed);
    run_stages(setting.stages(), resumed, setting.data, 1, 1);
  }
  EXPECT_EQ(digest_of_result(two), digest_of_result(one));
  EXPECT_EQ(digest_of_result(resumed), digest_of_result(one));
  EXPECT_EQ(*resumed.track(kMainTrack).mask, *one.track(kMainTrack).mask);
}

// A double: masks that a test names.
class NamedMasks : public MaskSelection {
 public:
  NamedMasks(const Setting& setting, std::vector<CandidateMask> all)
      : MaskSelection({}, Split::kTrain, setting.federation, LossKind::kCrossEntropy, setting.data->population()), all_(std::move(all)) {}
  std::string name() const override { return "named"; }

 protected:
  std::vector<CandidateMask> candidates(const State& /*state*/) const override { return all_; }

 private:
  std::vector<CandidateMask> all_;
};

struct Choice : Setting {
  Choice() : Setting(sparse_goldens().at("cases").front()) {
    ModelState loud = start.track(kDenseTrack).values->clone();
    for (float& value : loud.base.floats()) value *= -30.0F;  // so that a model that says nothing has the lower loss
    start.tracks[kMainTrack] = start.tracks[kDenseTrack] = {std::make_shared<const ModelState>(std::move(loud)), nullptr, nullptr, {}};
  }

  // All weights but `dropped` of the first matrix.
  CandidateMask candidate(const std::string& name, std::int64_t dropped) const {
    const ParamId tensor = model->structure().matrices.front().tensor;
    Bits kept((*model->base_layout())[tensor].numel, true);
    kept.clear(0, dropped);
    return {name, std::make_shared<const Mask>(Mask::of_elements(model->base_layout(), model->structure(), {{tensor, std::move(kept)}}))};
  }
  std::int64_t all() const { return (*model->base_layout())[model->structure().matrices.front().tensor].numel; }
};

TEST(MaskChoice, WhatCutsTheModelInTwoIsPassedOver) {
  const Choice setting;
  State state = setting.start;
  std::vector<std::unique_ptr<Method>> stages;
  stages.push_back(std::make_unique<NamedMasks>(setting, std::vector{setting.candidate("silent", setting.all()), setting.candidate("whole", 1)}));
  const RunLog log = run_stages(stages, state, setting.data);
  EXPECT_LT(state.numbers.at("candidates/silent").at(0), state.numbers.at("candidates/whole").at(0));
  EXPECT_EQ(state.texts.at("named/chosen"), "whole");
  EXPECT_EQ(log.records.at(1).remarks.at(0), "silent cuts the model in two");
}

TEST(MaskChoice, WhereAllCutItTheStageSaysSo) {
  const Choice setting;
  State state = setting.start;
  std::vector<std::unique_ptr<Method>> stages;
  stages.push_back(std::make_unique<NamedMasks>(setting, std::vector{setting.candidate("silent", setting.all())}));
  EXPECT_THROW(run_stages(stages, state, setting.data), InputError);
}

}  // namespace
}  // namespace coppice::test
