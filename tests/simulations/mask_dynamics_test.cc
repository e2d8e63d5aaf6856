// Masks that change while they are trained, against NumPy, and their laws, on real ranks.
#include <gtest/gtest.h>

#include "comm/wire/frame_layout.h"
#include "core/config_yaml.h"
#include "tests/simulations/golden_federation.h"

namespace coppice::test {
namespace {

const nlohmann::json& dynamics_goldens() {
  static const nlohmann::json parsed = nlohmann::json::parse(std::ifstream(COPPICE_TRAINING_GOLDENS "/dynamics_goldens.json"));
  return parsed;
}

DynamicsConfig dynamics_of(const nlohmann::json& golden) {
  DynamicsConfig dynamics;
  read_yaml_text("golden", nlohmann::json{{"dynamics", golden}}.dump(), {}, [&](FieldVisitor& v) { v.variant("dynamics", dynamics, ""); });
  return dynamics;
}

// The federation of the goldens, its largest weights kept.
struct Dynamic : Setting {
  explicit Dynamic(const nlohmann::json& golden) : Setting(sparse_goldens().at("cases").front(), dynamics_goldens().at("samples")) {
    const nlohmann::json& g = dynamics_goldens();
    stage.rounds = g.at("rounds");
    stage.sparse = FixedMask{};
    stage.dynamics = dynamics_of(golden.at("dynamics"));
    federation.optimizer = SgdConfig{.lr = g.at("lr"), .momentum = g.at("momentum")};
    federation.local.clip_norm = 0.0;
    keep_largest(g.at("kept"));
  }

  // The track after each round.
  std::vector<Track> rounds(int ranks = 1, RunLog* log = nullptr) const {
    std::vector<Track> tracks;
    State state = start;
    for (std::int64_t r = 0; r < stage.rounds; ++r) {
      const RunLog one = run_stages(stages(), state, data, ranks, 1);
      tracks.push_back(state.track(kMainTrack));
      if (log == nullptr) continue;
      log->records.insert(log->records.end(), one.records.begin(), one.records.end());
      log->costs.insert(log->costs.end(), one.costs.begin(), one.costs.end());
    }
    return tracks;
  }
};

TEST(MaskDynamics, FollowNumPyRoundByRound) {
  for (const auto& golden : dynamics_goldens().at("cases")) {
    SCOPED_TRACE(golden.at("dynamics").dump());
    const std::vector<Track> tracks = Dynamic(golden).rounds();
    for (std::size_t r = 0; r < tracks.size(); ++r) EXPECT_EQ(text_of(*tracks[r].mask), golden.at("masks")[r]) << "round " << r;
    expect_near(values_of(tracks.back().values->base), golden.at("weights").get<std::vector<double>>(), 2e-4, "weights");
  }
}

TEST(MaskDynamics, CountsStayGrownWeightsAreZeroAndSlotsForgetTheDropped) {
  const float tau = 0.05F;
  for (const auto& golden : dynamics_goldens().at("cases")) {
    SCOPED_TRACE(golden.at("dynamics").dump());
    Dynamic setting(golden);
    setting.federation.server = FedAdamConfig{.lr = 0.02, .tau = tau};
    Track before = setting.start.track(kMainTrack);
    std::int64_t changes = 0;
    for (const Track& track : setting.rounds()) {
      Arena masked = track.values->base.clone();
      track.mask->apply_to(masked);
      ASSERT_EQ(masked.digest(), track.values->base.digest());
      const std::string kind = golden.at("dynamics").at("kind");
      if (kind != "prunefl") {
        EXPECT_EQ(track.mask->kept(), before.mask->kept());
      }
      for (const auto& [tensor, bits] : track.mask->elements()) {
        const Bits& old = before.mask->bits(tensor);
        if (kind != "prunefl" && kind != "flash") {
          EXPECT_EQ(bits.count(), old.count());
        }
        for (std::int64_t i = 0; i < bits.size(); ++i) {
          const auto at = static_cast<std::size_t>(i);
          if (bits[i] && !old[i]) {
            EXPECT_EQ(track.values->base.floats(tensor)[at], 0.0F);
            EXPECT_EQ(track.server.at("second")->floats(tensor)[at], tau * tau);
          }
          if (!bits[i]) {
            EXPECT_EQ(track.server.at("momentum")->floats(tensor)[at], 0.0F);
            EXPECT_EQ(track.server.at("second")->floats(tensor)[at], tau * tau);
          }
          changes += bits[i] != old[i] ? 1 : 0;
        }
      }
      before = track;
    }
    EXPECT_GT(changes, 0);
    for (const auto& [name, slot] : before.server) EXPECT_FALSE(name.starts_with(kDynamicsSlots)) << name;
  }
}

TEST(MaskDynamics, TheBitsDoNotDependOnRanksOrInterruptions) {
  for (const auto& golden : dynamics_goldens().at("cases")) {
    SCOPED_TRACE(golden.at("dynamics").dump());
    const Dynamic setting(golden);
    const State whole = setting.result();
    State state = setting.start;
    for (std::int64_t r = 0; r < setting.stage.rounds; ++r) {
      state = reloaded(state);
      run_stages(setting.stages(), state, setting.data, 1 + static_cast<int>(r % 2), 1);
    }
    EXPECT_EQ(digest_of_result(state), digest_of_result(whole));
    EXPECT_EQ(*state.track(kMainTrack).mask, *whole.track(kMainTrack).mask);
  }
}

TEST(MaskDynamics, AMaskThatCutsTheModelIsSaidOnceWithTheLayersName) {
  const nlohmann::json greedy = {{"kind", "prunefl"}, {"every", 1},        {"drop", 1.0},    {"density", 0.02}, {"constant", 1.0},
                                 {"per_weight", 0.1}, {"per_mac", 0.1}, {"batches", 1}, {"batch", 64}};
  RunLog log;
  const State state = Dynamic(nlohmann::json{{"dynamics", greedy}}).result(1, &log);
  std::vector<std::string> warnings;
  for (const StepRecord& record : log.records) warnings.insert(warnings.end(), record.warnings.begin(), record.warnings.end());
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_NE(warnings[0].find("layers."), std::string::npos) << warnings[0];
  EXPECT_EQ(state.texts.at("warning/cut"), warnings[0]);
  const State kept = Dynamic(dynamics_goldens().at("cases")[0]).result();
  EXPECT_FALSE(kept.texts.contains("warning/cut"));
}

// What a report takes, from sizes alone: kept values and biases, five sums, and what an adjustment adds.
std::size_t expected_bytes(const Dynamic& setting, const Mask& mask, const std::vector<BlockExtent>& more) {
  std::vector<BlockExtent> extents;
  const ArenaLayout& base = *setting.model->base_layout();
  for (int i = 0; i < base.size(); ++i) {
    const std::int64_t count = mask.keeps_all(i) ? base[i].numel : mask.bits(i).count();
    extents.push_back({std::string("train/delta/").size() + base[i].name.size(), 1, static_cast<std::size_t>(4 * count), 0});
  }
  for (const std::string name : {"weight", "loss", "hits", "samples", "steps"}) extents.push_back({6 + name.size(), 1, 8, 0});
  extents.insert(extents.end(), more.begin(), more.end());
  return encoded_size(0, extents);
}

TEST(MaskDynamics, RoundsSendTheSupportAndAdjustmentsTheirEntries) {
  for (const auto& golden : dynamics_goldens().at("cases")) {
    const nlohmann::json& case_of = golden.at("dynamics");
    if (case_of.at("kind") != "fedtiny" && case_of.at("kind") != "feddst") continue;
    SCOPED_TRACE(case_of.dump());
    const Dynamic setting(golden);
    RunLog log;
    const std::vector<Track> tracks = setting.rounds(1, &log);
    const ArenaLayout& base = *setting.model->base_layout();
    Mask mask = *setting.start.track(kMainTrack).mask;
    for (std::size_t r = 1; r < tracks.size(); ++r) {  // the first pays for a probe
      mask = *tracks[r - 1].mask;
      std::vector<BlockExtent> more;
      if (const std::optional<GrowthTask> task = make_dynamics(setting.stage.dynamics)->task(tracks[r - 1], static_cast<std::int64_t>(r))) {
        const bool votes = task->what == GrowthTask::What::kVotes;
        const bool travel = task->release.select == Release::Select::kPrivateTopK;
        for (std::size_t t = 0; t < task->tensors.size(); ++t) {
          const ArenaEntry& entry = base[static_cast<int>(task->tensors[t])];
          const auto count = static_cast<std::size_t>(task->counts[t]);
          const auto bitmap = [](std::size_t n) { return (n + 7) / 8; };
          const std::size_t positions = std::min(4 * count, bitmap(static_cast<std::size_t>(entry.numel)));
          more.push_back({7 + entry.name.size(), 1, votes ? 0 : 4 * count, travel ? positions : 0});
          if (task->drops.empty()) continue;
          const auto kept = static_cast<std::size_t>(mask.bits(static_cast<ParamId>(task->tensors[t])).count());
          more.push_back({12 + entry.name.size(), 1, 0, std::min(4 * static_cast<std::size_t>(task->drops[t]), bitmap(kept))});
        }
        more.push_back({13, 1, 8, 0});
      }
      EXPECT_EQ(log.costs[r].bytes_up, static_cast<double>(expected_bytes(setting, mask, more))) << "round " << r;
    }
    EXPECT_EQ(log.costs[1].bytes_up, log.costs.back().bytes_up);
  }
}

TEST(FedNova, FollowsNumPyWhereClientsDifferInSteps) {
  for (const auto& golden : dynamics_goldens().at("fednova")) {
    Setting setting(sparse_goldens().at("cases").front(), dynamics_goldens().at("samples"));
    setting.stage = FinetuneConfig{};
    setting.stage.rounds = golden.at("rounds");
    setting.stage.evaluate_every = 0;
    setting.federation.optimizer = SgdConfig{.lr = dynamics_goldens().at("lr"), .momentum = golden.at("momentum")};
    setting.federation.local = {.epochs = golden.at("epochs"), .batch = golden.at("batch")};
    setting.federation.aggregation = FedNovaAggregation{};
    setting.start.tracks[kMainTrack] = setting.start.tracks[kDenseTrack];
    const State state = setting.result();
    expect_near(values_of(state.track(kMainTrack).values->base), golden.at("weights").get<std::vector<double>>(), 2e-5, "weights");
    EXPECT_EQ(digest_of_result(setting.result(2)), digest_of_result(state));
    setting.federation.aggregation = MeanAggregation{};
    EXPECT_NE(digest_of_result(setting.result()), digest_of_result(state));
  }
}

TEST(FedTiny, UnitsAreLayersBlocksOrTheModelInTurn) {
  const Subject subject = small_resnet8();
  const Mask mask = make_element_mask(*subject.model, {Pattern::Kind::kUnstructured}, true,
                                      weight_element_scores(RandomConfig{}, *subject.model, subject.state.base, true, {.run = 1}), [&] {
                                        std::map<ParamId, std::int64_t> quotas;
                                        for (const PatternMatrix& m : subject.model->structure().matrices) quotas[m.tensor] = 2;
                                        return quotas;
                                      }());
  const std::vector<std::int64_t> all = masked_tensors(mask);
  FedTinyConfig config;
  config.every = 3;
  std::vector<std::vector<std::int64_t>> seen;
  for (int adjustment = 1; adjustment <= 6; ++adjustment) seen.push_back(fedtiny_unit(config, mask, *subject.model, 3 * adjustment));
  EXPECT_EQ(seen[0], std::vector{all.back()});            // the linear layer
  EXPECT_EQ(seen[4], std::vector{all.front()});           // the stem
  EXPECT_EQ(seen[5], seen[0]);                            // and around
  std::size_t together = 0;
  for (int unit = 0; unit < 5; ++unit) together += seen[static_cast<std::size_t>(unit)].size();
  EXPECT_EQ(together, all.size());
  EXPECT_EQ(seen[1].size(), 3U);                          // two convolutions and the shortcut of the last block
  config.order = FedTinyConfig::Order::kForward;
  EXPECT_EQ(fedtiny_unit(config, mask, *subject.model, 3), seen[4]);
  config.unit = FedTinyConfig::Unit::kLayer;
  EXPECT_EQ(fedtiny_unit(config, mask, *subject.model, 6), std::vector{all[1]});
  config.unit = FedTinyConfig::Unit::kModel;
  EXPECT_EQ(fedtiny_unit(config, mask, *subject.model, 6), all);
}

}  // namespace
}  // namespace coppice::test
