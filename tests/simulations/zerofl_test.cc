// ZeroFL against PyTorch, and its laws, on real ranks.
#include <gtest/gtest.h>

#include "algorithms/exchange/client_cost.h"
#include "comm/wire/frame_layout.h"
#include "core/config_yaml.h"
#include "tests/simulations/golden_federation.h"

namespace coppice::test {
namespace {

ZeroFlConfig zerofl_of(const nlohmann::json& golden) {
  ZeroFlConfig config;
  const nlohmann::json settings = {{"upload", golden.at("upload")}, {"mask_ratio", golden.at("mask_ratio")}};
  read_yaml_text("golden", settings.dump(), {}, [&](FieldVisitor& v) { config.visit(v); });
  return config;
}

struct LocalSparsity : Setting {
  explicit LocalSparsity(const nlohmann::json& golden) : Setting(sparse_goldens().at("cases").front(), upload_goldens().at("samples")) {
    const nlohmann::json& g = upload_goldens();
    stage.rounds = g.at("rounds");
    stage.sparse = zerofl_of(golden);
    federation.optimizer = SgdConfig{.lr = golden.at("lr"), .momentum = g.at("momentum")};
    federation.local.clip_norm = 0.0;
    keep_largest(g.at("kept"));
    pattern = {{Pattern::Kind::kUnstructured}, true};
  }
};

TEST(ZeroFl, FollowsPyTorchRoundByRound) {
  for (const auto& golden : upload_goldens().at("zerofl")) {
    SCOPED_TRACE(golden.at("upload").dump() + golden.at("mask_ratio").dump());
    const LocalSparsity setting(golden);
    State state = setting.start;
    for (std::int64_t r = 0; r < setting.stage.rounds; ++r) {
      run_stages(setting.stages(), state, setting.data, 1, 1);
      EXPECT_EQ(text_of(*state.track(kMainTrack).mask), golden.at("masks")[static_cast<std::size_t>(r)]) << "round " << r;
    }
    expect_near(values_of(state.track(kMainTrack).values->base), golden.at("weights").get<std::vector<double>>(), 2e-4, "weights");
  }
}

TEST(ZeroFl, TheBitsDoNotDependOnRanksOrInterruptions) {
  for (const auto& golden : upload_goldens().at("zerofl")) {
    SCOPED_TRACE(golden.at("upload").dump());
    LocalSparsity setting(golden);
    setting.federation.precision = Precision::kBF16;
    setting.federation.wire = Release::Wire::kI8;
    setting.federation.server = FedAdamConfig{.lr = 0.01};
    const State whole = setting.result();
    State state = setting.start;
    for (std::int64_t r = 0; r < setting.stage.rounds; ++r) {
      state = reloaded(state);
      run_stages(setting.stages(), state, setting.data, 1 + static_cast<int>(r % 3), 1);
    }
    EXPECT_EQ(digest_of_result(state), digest_of_result(whole));
    EXPECT_EQ(*state.track(kMainTrack).mask, *whole.track(kMainTrack).mask);
    EXPECT_FALSE(state.track(kMainTrack).server.contains("shadow"));
  }
}

TEST(ZeroFl, WhoSendsEverythingSendsItInAnyWay) {
  std::vector<Digest> digests;
  for (const auto& golden : upload_goldens().at("zerofl")) {
    LocalSparsity setting(golden);
    std::get<ZeroFlConfig>(setting.stage.sparse).mask_ratio = 1.0;
    digests.push_back(digest_of_result(setting.result()));
    EXPECT_EQ(digests.back(), digests.front());
    std::get<ZeroFlConfig>(setting.stage.sparse).mask_ratio = 0.0;
    EXPECT_NE(digest_of_result(setting.result()), digests.front());
  }
}

TEST(ZeroFl, WithNothingLeftOutItIsFedAvg) {
  LocalSparsity setting(upload_goldens().at("zerofl")[0]);
  Track& track = setting.start.track(kMainTrack);
  track.values = setting.start.track(kDenseTrack).values;
  track.mask = std::make_shared<const Mask>(setting.model->base_layout(), setting.model->structure());
  const State sparse = setting.result();
  setting.stage.sparse = FixedMask{};
  track.mask = nullptr;
  const State dense = setting.result();
  expect_near(values_of(sparse.track(kMainTrack).values->base), values_of(dense.track(kMainTrack).values->base), 1e-5, "weights");
}

// A report of whole biases, of `sent` entries of each matrix with their positions, and of five sums.
std::size_t expected_bytes(const ArenaLayout& base, const Mask& mask, double ratio, std::size_t value_bytes) {
  std::vector<BlockExtent> extents;
  for (int i = 0; i < base.size(); ++i) {
    const auto all = static_cast<std::size_t>(base[i].numel);
    std::size_t sent = all;
    if (!mask.keeps_all(i)) sent = static_cast<std::size_t>(mask.bits(i).count() + std::llround(ratio * static_cast<double>(all)));
    const std::size_t positions = sent == all ? 0 : std::min(4 * sent, (all + 7) / 8);
    extents.push_back({std::string("train/delta/").size() + base[i].name.size(), 1, value_bytes * sent, positions});
  }
  for (const std::string name : {"weight", "loss", "hits", "samples", "steps"}) extents.push_back({6 + name.size(), 1, 8, 0});
  return encoded_size(0, extents);
}

TEST(ZeroFl, ClientsSendAndComputeForWhatTheyTakeAlone) {
  LocalSparsity setting(upload_goldens().at("zerofl")[1]);
  const Mask& mask = *setting.start.track(kMainTrack).mask;
  const PassFlops pass(*setting.model);
  for (const double ratio : {0.0, 0.2}) {
    for (const auto& [upload, wire, value_bytes] : {std::tuple{ZeroFlConfig::Upload::kTopWeights, Release::Wire::kF32, 4U},
                                                    {ZeroFlConfig::Upload::kTopDiff, Release::Wire::kF32, 4U},
                                                    {ZeroFlConfig::Upload::kTopWeights, Release::Wire::kI8, 1U}}) {
      setting.federation.wire = wire;
      setting.stage.sparse = ZeroFlConfig{.upload = upload, .mask_ratio = ratio};
      RunLog log;
      setting.result(1, &log);
      const StepCost& cost = log.costs.at(1);  // the first round pays for a probe
      const RoundPlan plan = setting.stages()[0]->next_plans(setting.start).at(0);
      EXPECT_EQ(cost.bytes_up, static_cast<double>(expected_bytes(*setting.model->base_layout(), mask, ratio, value_bytes)));
      EXPECT_EQ(cost.bytes_up, static_cast<double>(expected_report_bytes(plan, *setting.model)));
      constexpr double kSamples = 24.0 / 4.0 * 4.0;  // of all clients, of one, over its steps
      EXPECT_DOUBLE_EQ(cost.flops, 3.0 * pass.forward(&mask) * kSamples);
    }
  }
}

}  // namespace
}  // namespace coppice::test
