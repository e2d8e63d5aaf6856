// Fine-tuning of adapters, against PyTorch, and what they save.
#include <gtest/gtest.h>

#include "algorithms/taps/masked_lora.h"
#include "core/error.h"
#include "tests/simulations/golden_federation.h"

namespace coppice::test {
namespace {

LoraConfig golden_lora() { return {.rank = sparse_goldens().at("rank"), .alpha = sparse_goldens().at("alpha")}; }

// Without a mask the model is the dense one. The adapters start as the golden's.
Setting adapting(const nlohmann::json& golden) {
  Setting setting(golden);
  setting.stage.adapter = golden_lora();
  if (!golden.at("masked").get<bool>()) setting.start.tracks[kMainTrack] = setting.start.tracks[kDenseTrack];
  const std::vector<ParamId> inner = adapted_weights(golden_lora(), *setting.model);
  auto adapters = std::make_shared<Arena>("adapter", lora_layout(*setting.model->base_layout(), inner, golden_lora().rank));
  fill(*adapters, sparse_goldens().at("adapters").get<std::vector<double>>());
  setting.start.tracks[kMainTrack].server["adapter/values"] = adapters;
  return setting;
}

TEST(AdapterRounds, FollowPyTorchAndEndMergedUnderTheMask) {
  for (const auto& golden : sparse_goldens().at("lora")) {
    const Setting setting = adapting(golden);
    const State state = setting.result();
    const Track& track = state.track(kMainTrack);
    expect_near(values_of(track.values->base), golden.at("weights").get<std::vector<double>>(), 2e-4, golden.dump().substr(0, 150));
    EXPECT_TRUE(track.server.empty());
    if (!track.mask) continue;
    Arena masked = track.values->base.clone();
    track.mask->apply_to(masked);
    EXPECT_EQ(masked.digest(), track.values->base.digest());
  }
}

TEST(AdapterRounds, TheBitsDoNotDependOnRanksOrInterruptions) {
  for (const Precision precision : {Precision::kF32, Precision::kBF16}) {
    Setting setting = adapting(sparse_goldens().at("lora").back());
    setting.start.tracks[kMainTrack].server.clear();  // adapters drawn from the seed
    setting.federation.precision = precision;
    setting.federation.server = FedAdamConfig{.lr = 0.01};
    setting.stage.evaluate_every = 2;
    const Digest whole = digest_of_result(setting.result());
    EXPECT_NE(whole, digest_of_result(setting.start));
    EXPECT_EQ(digest_of_result(setting.result(2)), whole);
    for (std::int64_t steps = 1; steps < 7; ++steps) {
      State state = setting.start;
      run_stages(setting.stages(), state, setting.data, 2, steps);
      State resumed = reloaded(state);
      run_stages(setting.stages(), resumed, setting.data);
      EXPECT_EQ(digest_of_result(resumed), whole) << steps;
    }
  }
}

TEST(AdapterRounds, AdaptersAloneTravelOnceTheModelHas) {
  const auto& golden = sparse_goldens().at("lora").back();
  Setting setting = adapting(golden);
  RunLog adapters, weights;
  setting.result(1, &adapters);
  setting.stage.adapter = NoAdapter{};
  setting.result(1, &weights);
  const double saved = 4.0 * static_cast<double>(setting.start.track(kMainTrack).mask->kept() - 2 * (12 + 8));
  EXPECT_GT(adapters.costs[0].bytes_down, adapters.costs[1].bytes_down + saved);
  EXPECT_LT(adapters.costs[1].bytes_down, weights.costs[1].bytes_down - 0.9 * saved);
  EXPECT_LT(adapters.costs[0].bytes_up, weights.costs[0].bytes_up - 0.9 * saved);
}

TEST(AdapterRounds, EvaluationLooksAtTheMergedModel) {
  Setting setting = adapting(sparse_goldens().at("lora").back());
  setting.stage.rounds = 1;
  RunLog log;
  const State state = setting.result(1, &log);
  Setting merged = setting;
  merged.stage.adapter = NoAdapter{};
  merged.start = state;
  merged.start.step = 1;
  merged.start.stage = 0;
  RunLog again;
  State copy = merged.start;
  again = run_stages(merged.stages(), copy, merged.data);
  EXPECT_EQ(log.records.back().numbers.at("eval/loss"), again.records.back().numbers.at("eval/loss"));
}

TEST(LoraConfig, TargetsAreAllInnerMatricesOrPartsOfTheirNames) {
  const Subject llama = small_llama();
  const ArenaLayout& layout = *llama.model->base_layout();
  const std::vector<ParamId> all = adapted_weights(LoraConfig{}, *llama.model);
  EXPECT_EQ(all.size() % 7, 0U);
  const std::vector<ParamId> some = adapted_weights(LoraConfig{.targets = "q_proj, v_proj"}, *llama.model);
  EXPECT_EQ(some.size(), all.size() / 7 * 2);
  for (const ParamId tensor : some) EXPECT_TRUE(layout[tensor].name.find("_proj") != std::string::npos);
  EXPECT_THROW(adapted_weights(LoraConfig{.targets = "query"}, *llama.model), InputError);
}

}  // namespace
}  // namespace coppice::test
