// Selective updating of FL-PQSU against PyTorch, and its laws, on real ranks.
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/core/temporary_folder.h"
#include "tests/simulations/golden_federation.h"

namespace coppice::test {
namespace {

struct Selective : Setting {
  explicit Selective(double lr) : Setting(sparse_goldens().at("cases").front(), upload_goldens().at("samples")) {
    const nlohmann::json& g = upload_goldens();
    stage = FinetuneConfig{};
    stage.rounds = g.at("rounds");
    stage.evaluate_every = 0;
    federation.optimizer = SgdConfig{.lr = lr, .momentum = g.at("momentum")};
    federation.local.clip_norm = 0.0;
    federation.local.selective = true;
    federation.divergence = 0.0;
    start.tracks[kMainTrack] = start.tracks[kDenseTrack];
  }

  State result(int ranks, RunLog& log) const {
    const TemporaryFolder folder;
    State state = start;
    log = run_stages(stages(), state, data, ranks, 1000, {}, folder.path());
    return state;
  }
};

TEST(FlPqsu, ClientsReportWhereTheirLossIsLowerThanAtTheirLastReport) {
  for (const auto& golden : upload_goldens().at("selective")) {
    SCOPED_TRACE(golden.at("lr").dump());
    const Selective setting(golden.at("lr"));
    RunLog log;
    const State state = setting.result(1, log);
    for (std::size_t r = 0; r < static_cast<std::size_t>(setting.stage.rounds); ++r) {
      const auto reporters = golden.at("reporters")[r].get<std::vector<std::int64_t>>();
      EXPECT_EQ(log.records[r].numbers.at("clients"), static_cast<double>(reporters.size())) << "round " << r;
      std::string silent;
      for (const std::string& remark : log.records[r].remarks) silent += remark + "\n";
      for (std::int64_t client = 0; client < 4; ++client) {
        const bool reports = std::count(reporters.begin(), reporters.end(), client) > 0;
        EXPECT_EQ(silent.find("client " + std::to_string(client) + " left out: loss no lower") == std::string::npos, reports) << silent;
      }
    }
    expect_near(values_of(state.track(kMainTrack).values->base), golden.at("weights").get<std::vector<double>>(), 2e-4, "weights");
  }
}

TEST(FlPqsu, TheBitsDoNotDependOnRanksOrInterruptions) {
  Selective setting(1.2);
  setting.federation.wire = Release::Wire::kI8;
  RunLog log;
  const Digest whole = digest_of_result(setting.result(1, log));
  EXPECT_EQ(digest_of_result(setting.result(2, log)), whole);
  const TemporaryFolder folder;
  State state = setting.start;
  for (std::int64_t r = 0; r < setting.stage.rounds; ++r) {
    // What a round that was never committed left in the store is not read.
    State lost = reloaded(state);
    run_stages(setting.stages(), lost, setting.data, 1, 1, {}, folder.path());
    state = reloaded(state);
    run_stages(setting.stages(), state, setting.data, 1 + static_cast<int>(r % 3), 1, {}, folder.path());
  }
  EXPECT_EQ(digest_of_result(state), whole);
}

TEST(FlPqsu, ARoundThatNobodyReportsChangesNothingAndStopsNothing) {
  const Selective setting(1e-30);  // losses stay as they are
  RunLog log;
  const State state = setting.result(2, log);
  EXPECT_EQ(log.records[0].numbers.at("clients"), 4.0);
  for (std::size_t r = 1; r < static_cast<std::size_t>(setting.stage.rounds); ++r) {  // more than void rounds would stop a run
    EXPECT_EQ(log.records[r].numbers.at("clients"), 0.0);
    EXPECT_EQ(log.records[r].numbers.at("declined"), 4.0);
    EXPECT_EQ(log.costs[r].bytes_up, 0.0);
    EXPECT_GT(log.costs[r].bytes_down, 0.0);
    EXPECT_EQ(log.records[r].remarks.back(), "nothing changes: no client's loss is lower than at its last report");
  }
  EXPECT_EQ(digest_of_result(state), setting.start.track(kMainTrack).values->digest());
}

TEST(FlPqsu, AStoreOfSomethingElseIsRefused) {
  const TemporaryFolder folder;
  Setting plain = Selective(0.1);
  plain.federation.local.selective = false;
  plain.federation.correction = Correction::kScaffold;
  plain.federation.optimizer = SgdConfig{.lr = 0.1};
  State state = plain.start;
  run_stages(plain.stages(), state, plain.data, 1, 1, {}, folder.path());
  State other = Selective(0.1).start;
  other.store_versions = state.store_versions;
  EXPECT_THROW(run_stages(Selective(0.1).stages(), other, plain.data, 1, 1, {}, folder.path()), InputError);
}

}  // namespace
}  // namespace coppice::test
