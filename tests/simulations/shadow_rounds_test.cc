// Training with shadow weights (ste, sr_ste, ast) against PyTorch, and its laws, on real ranks.
#include <gtest/gtest.h>

#include "algorithms/training/kept_bytes.h"
#include "algorithms/training/optimizer.h"
#include "algorithms/training/replica.h"
#include "client/batch_reader.h"
#include "data/batches.h"
#include "tests/simulations/golden_federation.h"

namespace coppice::test {
namespace {

TEST(ShadowRounds, FollowPyTorch) {
  for (const auto& golden : sparse_goldens().at("cases")) {
    SCOPED_TRACE(golden.at("sparse").dump() + golden.at("optimizer").dump() + golden.at("clip").dump());
    const Setting setting(golden);
    RunLog log;
    const State state = setting.result(1, &log);
    const Track& track = state.track(kMainTrack);
    std::vector<int> kept;
    for (const auto& [tensor, bits] : track.mask->elements()) {
      for (std::int64_t i = 0; i < bits.size(); ++i) kept.push_back(bits[i] ? 1 : 0);
    }
    EXPECT_EQ(kept, golden.at("mask").get<std::vector<int>>());
    expect_near(values_of(track.values->base), golden.at("weights").get<std::vector<double>>(), 2e-4, "weights");
    expect_near(numbers(log, "sparse/flip_rate"), golden.at("flip_rate").get<std::vector<double>>(), 1e-6, "flips");
    expect_near(numbers(log, "sparse/shadow_norm"), golden.at("shadow_norm").get<std::vector<double>>(), 1e-5, "norms");
  }
}

TEST(ShadowRounds, TheBitsDoNotDependOnRanksOrInterruptions) {
  const auto& golden = sparse_goldens().at("cases").back();
  for (const Precision precision : {Precision::kF32, Precision::kBF16}) {
    Setting setting(golden);
    setting.federation.precision = precision;
    setting.federation.server = FedAdamConfig{.lr = 0.01};
    const Digest whole = digest_of_result(setting.result());
    EXPECT_EQ(digest_of_result(setting.result(2)), whole);
    for (std::int64_t steps = 1; steps < setting.stage.rounds; ++steps) {
      State state = setting.start;
      run_stages(setting.stages(), state, setting.data, 2, steps);
      State resumed = reloaded(state);
      run_stages(setting.stages(), resumed, setting.data);
      EXPECT_EQ(digest_of_result(resumed), whole);
      EXPECT_TRUE(resumed.track(kMainTrack).server.count("shadow") == 0);
    }
  }
}

TEST(ShadowRounds, ARoundOfOneClientIsItsStepsDoneCentrally) {
  for (const auto& golden : sparse_goldens().at("cases")) {
    Setting setting(golden, {24});
    setting.stage.rounds = 1;
    const State state = setting.result();

    const std::shared_ptr<const Model> model = setting.model;
    Replica replica(model);
    replica.load(setting.start.track(kDenseTrack).values, Precision::kF32);
    const Mask& mask = *setting.start.track(kMainTrack).mask;
    replica.use_shadows(mask);
    const KeptBytes kept(mask);
    Optimizer optimizer(setting.federation.optimizer, model->base_layout());
    StepOptions step{.kept = &kept, .clip_norm = setting.federation.local.clip_norm, .shadows = ShadowStep{}};
    step.shadows->in_gradient = std::holds_alternative<SrSteConfig>(setting.stage.sparse);
    BatchOrder batches(setting.data->samples(Split::kTrain, 0), 64, 4, Seed{}.with_client(0));
    for (int s = 0; s < 4; ++s) {
      step.shadows->decay = decay_at(setting.stage.sparse, (s + 1) / 4.0);
      Batch batch;
      read_batch(*setting.data->train, batches.next(), batch);
      Tap tap;
      replica.backward(batch, LossKind::kCrossEntropy, tap, Mode::kTrain, true);
      replica.step(optimizer, step);
    }
    Arena central = replica.base().clone();
    mask.apply_to(central);
    expect_near(values_of(state.track(kMainTrack).values->base), values_of(central), 1e-6, golden.at("sparse").dump());
  }
}

TEST(ShadowRounds, WithoutDecayAllTrainersAreOne) {
  const auto& golden = sparse_goldens().at("cases").front();
  Setting setting(golden);
  const Digest ste = digest_of_result(setting.result());
  setting.stage.sparse = AstConfig{.lambda = 0.0, .refresh = 2};
  EXPECT_EQ(digest_of_result(setting.result()), ste);
  setting.stage.sparse = SrSteConfig{.lambda = 0.0, .refresh = 2};
  EXPECT_EQ(digest_of_result(setting.result()), ste);
  setting.stage.sparse = FixedMask{};
  EXPECT_NE(digest_of_result(setting.result()), ste);
}

TEST(ShadowRounds, EveryRoundIsSeenThroughItsMaskAndEndsInThePattern) {
  Setting setting(sparse_goldens().at("cases").back());
  setting.stage.evaluate_every = 1;
  State state = setting.start;
  while (state.stage == 0) {
    run_stages(setting.stages(), state, setting.data, 1, 1);
    const Track& track = state.track(kMainTrack);
    require_pattern(*setting.model, kTwoOfFour, *track.mask);
    Arena masked = track.values->base.clone();
    track.mask->apply_to(masked);
    ASSERT_EQ(masked.digest(), track.values->base.digest());
  }
}

TEST(ShadowRounds, WhatTravelsIsDense) {
  const auto& golden = sparse_goldens().at("cases").front();
  Setting shadows(golden), fixed(golden);
  fixed.stage.sparse = FixedMask{};
  RunLog dense, sparse;
  shadows.result(1, &dense);
  fixed.result(1, &sparse);
  const auto numel = static_cast<double>(shadows.model->base_layout()->numel());
  EXPECT_GT(dense.costs[1].bytes_up, 4 * numel);
  EXPECT_LT(sparse.costs[1].bytes_up, dense.costs[1].bytes_up);
  EXPECT_LT(sparse.costs[1].bytes_down, dense.costs[1].bytes_down);
}

}  // namespace
}  // namespace coppice::test
