// What a sweep's YAML says: which runs there are, on which settings, against what, and what is refused before any of them starts.
#include "simulations/sweep/sweep_rows.h"

#include <functional>

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/file.h"
#include "tests/core/temporary_folder.h"

namespace coppice::test {
namespace {

constexpr const char* kBase = R"(
model: {kind: mlp, inputs: 4, outputs: 3}
federation: {cohort: 4}
stages:
  - score: {importance: magnitude}
  - prune: {pattern: unstructured, allocation: erk, floor: 0, budget: {density: 0.5}}
  - finetune: {rounds: 4}
)";
constexpr const char* kDense = "model: {kind: mlp, inputs: 4, outputs: 3}\nstages: [warmup: {rounds: 4}]\n";
constexpr const char* kSweep = R"(sweep: {name: small, baseline: dense}
base: base.yaml
set: {federation.cohort: 5}
arms:
  dense: {config: dense.yaml, keys: {density: none, rounds: stages.warmup.rounds}}
  snip:
    set: {stages.score.importance: snip}
  random:
    set:
      stages.score.importance: {kind: random}
grid:
  density: {key: stages.prune.budget.density, values: [0.02, 0.10]}
  rounds: {key: stages.finetune.rounds, values: [2, 3]}
seeds: [7, 8]
)";

class Sweep : public ::testing::Test {
 protected:
  std::string file(const std::string& text) const {
    write_file_atomically(folder_.path() + "/base.yaml", kBase);
    write_file_atomically(folder_.path() + "/dense.yaml", kDense);
    write_file_atomically(folder_.path() + "/sweep.yaml", text);
    return folder_.path() + "/sweep.yaml";
  }
  SweepPlan plan(const std::string& text, const std::vector<std::string>& overrides = {}) const {
    return plan_sweep(read_sweep(file(text)), overrides);
  }
  // The message, without the folder, of a sweep in which `from` stands as `to`.
  std::string refusal(const std::string& from, const std::string& to) const {
    std::string text = kSweep;
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    try {
      plan(text);
    } catch (const InputError& error) {
      const std::string message = error.what();
      EXPECT_EQ(message.find('\n'), std::string::npos) << message;
      EXPECT_TRUE(message.starts_with(folder_.path() + "/sweep.yaml: ")) << message;
      return message.substr(folder_.path().size() + 1);
    }
    ADD_FAILURE() << "accepted: " << to;
    return "";
  }

 private:
  TemporaryFolder folder_;
};

TEST_F(Sweep, EveryArmHasACellForEachPointOfItsAxes) {
  const SweepPlan all = plan(kSweep);
  std::vector<std::string> names;
  for (const SweepCell& cell : all.cells) names.push_back(cell.name);
  EXPECT_EQ(names, (std::vector<std::string>{"dense, rounds 2", "dense, rounds 3", "snip, density 0.02, rounds 2",
                                             "snip, density 0.02, rounds 3", "snip, density 0.10, rounds 2",
                                             "snip, density 0.10, rounds 3", "random, density 0.02, rounds 2",
                                             "random, density 0.02, rounds 3", "random, density 0.10, rounds 2",
                                             "random, density 0.10, rounds 3"}));
  ASSERT_EQ(all.rows.size(), 20U);
  EXPECT_EQ(all.rows[0].seed, 7);
  EXPECT_EQ(all.rows[9].seed, 7);
  EXPECT_EQ(all.rows[10].seed, 8);
}

TEST_F(Sweep, SettingsReachTheRunsLaterOnesLast) {
  const SweepPlan all = plan(kSweep, {"federation.cohort=6"});
  const RunConfig& dense = all.rows[1].config;
  EXPECT_EQ(std::get<WarmupConfig>(dense.stages[0]).rounds, 3);
  EXPECT_EQ(dense.federation.cohort, 6);
  EXPECT_EQ(dense.run.seed, 7);
  const RunConfig& random = all.rows[18].config;
  EXPECT_EQ(random.run.name, "random, density 0.10, rounds 2");
  EXPECT_EQ(random.run.seed, 8);
  EXPECT_TRUE(std::holds_alternative<RandomConfig>(std::get<ScoreConfig>(random.stages[0]).importance));
  EXPECT_EQ(std::get<PruneConfig>(random.stages[1]).budget.budget.density, 0.1);
  EXPECT_EQ(std::get<FinetuneConfig>(random.stages[2]).rounds, 2);
  EXPECT_EQ(plan(kSweep).rows[18].config.federation.cohort, 5);
}

TEST_F(Sweep, AFolderIsOfOneConfig) {
  const SweepPlan a = plan(kSweep), b = plan(kSweep), c = plan(kSweep, {"federation.cohort=6"});
  for (std::size_t i = 0; i < a.rows.size(); ++i) {
    EXPECT_EQ(a.rows[i].folder, b.rows[i].folder);
    EXPECT_NE(a.rows[i].folder, c.rows[i].folder);
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(a.rows[i].folder, a.rows[j].folder);
  }
}

TEST_F(Sweep, BaselinesStandAtTheSamePointAsFarAsBothHaveTheAxes) {
  const SweepPlan all = plan(kSweep);
  EXPECT_FALSE(all.cells[0].baseline);
  EXPECT_EQ(all.cells[2].baseline, 0U);
  EXPECT_EQ(all.cells[3].baseline, 1U);
  EXPECT_EQ(all.cells[9].baseline, 1U);
  std::string text = kSweep;
  text.replace(text.find("baseline: dense"), 15, "baseline: 'snip, density 0.02, rounds 2'");
  EXPECT_EQ(plan(text).cells[9].baseline, 2U);
  EXPECT_FALSE(plan(text).cells[2].baseline);
}

TEST_F(Sweep, ATypoIsFoundInTheRowThatHasIt) {
  const std::string setting = refusal("stages.score.importance: snip", "stages.score.importanc: snip");
  EXPECT_TRUE(setting.starts_with("sweep.yaml: row 3 of 20 (snip, density 0.02, rounds 2, seed 7): stages.0.score.importanc: found an unknown key")) << setting;
  EXPECT_NE(setting.find("did you mean 'importance'?"), std::string::npos) << setting;
  const std::string name = refusal("{kind: random}", "{kind: randum}");
  EXPECT_NE(name.find("row 7 of 20 (random, density 0.02, rounds 2, seed 7): stages.0.score.importance.kind: found 'randum' (line 10)"), std::string::npos) << name;
  EXPECT_NE(name.find("did you mean 'random'?"), std::string::npos) << name;
  const std::string value = refusal("values: [0.02, 0.10]", "values: [0.02, 10]");
  EXPECT_NE(value.find("row 5 of 20 (snip, density 10, rounds 2, seed 7): stages.1.prune.budget.density: found '10' (line 12)"), std::string::npos) << value;
  const std::string contradiction = refusal("budget.density, values", "pattern, values");
  EXPECT_NE(contradiction.find("row 3 of 20 (snip, density 0.02, rounds 2, seed 7)"), std::string::npos) << contradiction;
}

TEST_F(Sweep, ItsOwnKeysAreChecked) {
  const auto says = [&](const std::string& from, const std::string& to, const std::string& expected) {
    const std::string message = refusal(from, to);
    EXPECT_NE(message.find(expected), std::string::npos) << message;
  };
  says("seeds:", "seed:", "seed: found an unknown key (line 14); expected one of: sweep, base, set, arms, grid, seeds (did you mean 'seeds'?)");
  says("seeds: [7, 8]", "seeds: 5", "seeds: found '5' (line 14); expected a list of integers >= 0");
  says("seeds: [7, 8]", "seeds: [7, 7]", "seeds: found a seed twice");
  says("baseline: dense", "baseline: dence", "did you mean 'dense'?");
  says("config: dense.yaml", "config: dens.yaml", "arms.dense.config: found 'dens.yaml'");
  says("density: none", "densitty: none", "arms.dense.keys.densitty: found no such axis in grid (line 5); expected one of: density, rounds (did you mean 'density'?)");
  says("values: [2, 3]", "values: []", "grid.rounds.values: found a list (line 13); expected a list of values");
  says("values: [2, 3]", "values: [2, 2]", "grid.rounds.values.1: found '2' a second time");
  says("values: [2, 3]", "valus: [2, 3]", "grid.rounds.valus: found an unknown key");
  says("key: stages.finetune.rounds, ", "", "no key for the axis 'rounds'");
  says("    set: {stages.score.importance: snip}", "    sets: {stages.score.importance: snip}", "arms.snip.sets: found an unknown key");
}

TEST_F(Sweep, AxesMayBeCalledAsTheirKeyPaths) {
  const SweepPlan all = plan("base: base.yaml\narms: {only: }\ngrid: {stages.finetune.rounds: [2, 3]}\n");
  EXPECT_EQ(all.axes, std::vector<std::string>{"rounds"});
  ASSERT_EQ(all.rows.size(), 2U);
  EXPECT_EQ(all.cells[1].name, "only, rounds 3");
  EXPECT_EQ(std::get<FinetuneConfig>(all.rows[1].config.stages[2]).rounds, 3);
}

}  // namespace
}  // namespace coppice::test
