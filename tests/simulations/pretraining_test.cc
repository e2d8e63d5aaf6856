// The coordinator's own training: a warm-up of one client on the same data, bit for bit, at no cost to any client.
#include "algorithms/methods/pretraining.h"

#include <set>

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/file.h"
#include "models/model.h"
#include "simulations/public_data.h"
#include "tests/core/temporary_folder.h"
#include "tests/simulations/small_federation.h"

namespace coppice::test {
namespace {

constexpr std::int64_t kInputs = 6, kOutputs = 3, kPublic = 40;

std::shared_ptr<const ClientData> random_clients(const std::vector<std::int64_t>& samples, std::uint64_t seed) {
  Stream random(Seed{.run = seed}, Purpose::kTest);
  std::vector<double> x;
  std::vector<std::int32_t> classes;
  for (const std::int64_t count : samples) {
    for (std::int64_t i = 0; i < count; ++i) {
      for (std::int64_t j = 0; j < kInputs; ++j) x.push_back(random.normal());
      classes.push_back(static_cast<std::int32_t>(random.below(kOutputs)));
    }
  }
  return feature_clients(kInputs, kOutputs, x, classes, samples);
}

struct Setting {
  std::shared_ptr<const ClientData> clients = random_clients({9, 12, 8}, 1), own = random_clients({kPublic}, 2);
  PretrainConfig config;
  FederationConfig federation;
  State start;

  Setting() {
    config.epochs = 3;
    config.batch = 16;
    config.schedule = CosineSchedule{};
    federation.cohort = 2;
    federation.local.batch = 4;
    const MlpConfig mlp{.inputs = kInputs, .hidden = {7}, .outputs = kOutputs};
    start.run_id = 5;
    start.tracks[kMainTrack].values = std::make_shared<const ModelState>(initial_state(*make_model(mlp), Seed{5, 0, 0}));
  }

  std::vector<std::unique_ptr<Method>> stages(std::int64_t warmup_rounds) const {
    std::vector<std::unique_ptr<Method>> stages;
    stages.push_back(std::make_unique<Pretraining>(config, federation, LossKind::kCrossEntropy, clients->population()));
    FinetuneConfig warmup;
    warmup.rounds = warmup_rounds;
    stages.push_back(std::make_unique<FederatedTraining>("warmup", warmup, federation, LossKind::kCrossEntropy, clients->population()));
    return stages;
  }
};

Digest weights_of(const State& state) { return state.track(kMainTrack).values->digest(); }

TEST(Pretraining, IsAWarmUpOfOneClientOnTheSameData) {
  Setting setting;
  FederationConfig alone;
  alone.cohort = 1;
  alone.local.batch = setting.config.batch;
  alone.optimizer = setting.config.optimizer;
  alone.weight = Release::Weight::kOne;
  FinetuneConfig warmup;
  warmup.rounds = setting.config.epochs;
  warmup.schedule = setting.config.schedule;
  warmup.evaluate_every = 0;
  std::vector<std::unique_ptr<Method>> stages;
  stages.push_back(std::make_unique<FederatedTraining>("warmup", warmup, alone, LossKind::kCrossEntropy, setting.own->population()));
  State own = setting.start, federated = setting.start;
  for (std::int64_t epoch = 0; epoch < setting.config.epochs; ++epoch) {
    run_stages(setting.stages(0), own, setting.clients, 1, 1, {}, "", setting.own);
    run_stages(stages, federated, setting.own, 1, 1);
    EXPECT_EQ(weights_of(own), weights_of(federated)) << epoch;
    EXPECT_NE(weights_of(own), weights_of(setting.start)) << epoch;
  }
}

TEST(Pretraining, TheBitsDoNotDependOnRanksOrInterruptions) {
  const Setting setting;
  State whole = setting.start;
  run_stages(setting.stages(2), whole, setting.clients, 1, 1000, {}, "", setting.own);
  for (const std::int64_t steps : {1, 2, 3, 4, 5}) {
    State state = setting.start;
    run_stages(setting.stages(2), state, setting.clients, 2, steps, {}, "", setting.own);
    State resumed = reloaded(state);
    run_stages(setting.stages(2), resumed, setting.clients, 3, 1000, {}, "", setting.own);
    EXPECT_EQ(weights_of(resumed), weights_of(whole)) << steps;
    EXPECT_EQ(own_flops(resumed), own_flops(whole)) << steps;
  }
}

TEST(Pretraining, CostsTheCoordinatorItsWorkAndClientsNothing) {
  Setting setting;
  State state = setting.start;
  // No device could hold the model, and none is asked to.
  const std::vector<Device> devices(3, Device{.profile = "none", .memory_bytes = 0.0});
  const RunLog log = run_stages(setting.stages(0), state, setting.clients, 1, 1000, devices, "", setting.own);
  ASSERT_EQ(log.costs.size(), 4U);  // three epochs and a measurement
  double flops = 0.0;
  for (std::size_t step = 0; step < log.costs.size(); ++step) {
    const StepCost& cost = log.costs[step];
    EXPECT_EQ(cost.bytes_down + cost.bytes_up + cost.flops + cost.live_bytes + cost.virtual_seconds + cost.too_small, 0.0);
    EXPECT_EQ(cost.own_flops > 0.0, step < 3);
    EXPECT_FALSE(log.records[step].numbers.contains("clients"));
    flops += cost.own_flops;
  }
  EXPECT_EQ(own_flops(state), flops);
  EXPECT_EQ(traffic_of(state).client_rounds, 0.0);
  EXPECT_TRUE(state.client_masks.empty());
  EXPECT_TRUE(log.records.back().numbers.contains("eval/accuracy"));
}

TEST(Pretraining, LeavesClientsNoScaleOfItsSums) {
  const Setting setting;
  State state = setting.start;
  run_stages(setting.stages(1), state, setting.clients, 1, 1000, {}, "", setting.own);
  EXPECT_TRUE(state.exponents.contains("own:train/delta/layers.0.weight"));
  EXPECT_TRUE(state.exponents.contains("model:train/delta/layers.0.weight"));
  EXPECT_EQ(traffic_of(state).client_rounds, 4.0);  // a probe and a round of two
}

// Rows of CSV files: classes 0, 1 and 2 in turn, of ten owners in turn.
std::string csv(const TemporaryFolder& folder, const std::string& name, int rows, int classes = 3) {
  std::string text = "a,b,owner,label\n";
  for (int i = 0; i < rows; ++i) text += std::to_string(i * i % 17) + "," + std::to_string(i % 7) + "," + std::to_string(i / 3 % 10) + "," + std::to_string(i % classes) + "\n";
  write_file_atomically(folder.path(name), text);
  return folder.path(name);
}

struct PublicDataTest : testing::Test {
  TemporaryFolder folder;
  RunConfig config;
  PretrainConfig stage;

  CsvSource source(const std::string& path) const {
    CsvSource source;
    source.path = path;
    source.targets = {"label"};
    source.features = {"a", "b"};
    source.columns = {"owner"};
    return source;
  }
  void SetUp() override {
    config.model = MlpConfig{.inputs = 2, .hidden = {4}, .outputs = 3};
    config.data.source = source(csv(folder, "clients.csv", 300));
    config.data.partition = ByColumnPartition{.column = "owner", .clients = 6};
    stage.source = config.data.source;
  }
  std::shared_ptr<const ClientData> load() {
    config.stages = {stage};
    return load_public_data(config, load_scenario_data(config), *make_model(config.model), "run.yaml");
  }
  std::string refusal() {
    try {
      load();
    } catch (const InputError& error) {
      return error.what();
    }
    return "";
  }
  void expect_refused(const std::vector<std::string>& words) {
    const std::string line = refusal();
    for (const std::string& word : words) EXPECT_NE(line.find(word), std::string::npos) << word << ": " << line;
  }
};

TEST_F(PublicDataTest, OfTheClientsOwnDataIsWhatNoClientHolds) {
  const auto own = load();
  const ScenarioData data = load_scenario_data(config);
  const auto owners = own->train->column("owner").values;
  std::set<std::int32_t> clients;
  for (std::int64_t client = 0; client < data.clients->clients.train.num_clients(); ++client) {
    for (const std::int64_t i : data.clients->samples(Split::kTrain, client)) clients.insert(owners[static_cast<std::size_t>(i)]);
  }
  EXPECT_EQ(clients.size(), 6U);
  const auto taken = own->samples(Split::kTrain, 0);
  EXPECT_GT(taken.size(), 60U);
  for (const std::int64_t i : taken) EXPECT_FALSE(clients.contains(owners[static_cast<std::size_t>(i)]));
}

TEST_F(PublicDataTest, IsBalancedWhereAskedTo) {
  stage.per_class = 7;
  const auto own = load();
  std::vector<int> counts(3, 0);
  for (const std::int64_t i : own->samples(Split::kTrain, 0)) ++counts[static_cast<std::size_t>(own->train->classes()[static_cast<std::size_t>(i)])];
  EXPECT_EQ(counts, std::vector<int>(3, 7));
  EXPECT_EQ(public_digest(*load()), public_digest(*own));
  config.run.seed = 2;
  EXPECT_NE(public_digest(*load()), public_digest(*own));
}

TEST_F(PublicDataTest, IsRefusedWhereItDoesNotFit) {
  stage.per_class = 1000;
  expect_refused({"run.yaml: stages[0].pretrain.per_class", "of class 0", "expected 1000 of each"});
  stage.per_class = 0;
  stage.source = source(csv(folder, "other.csv", 60, 5));
  expect_refused({"run.yaml: stages[0].pretrain.source", "model.outputs", "found 3", "expected 5"});
  CsvSource narrow = source(csv(folder, "narrow.csv", 60));
  narrow.features = {"a"};
  stage.source = narrow;
  expect_refused({"stages[0].pretrain.source", "model.inputs", "found [2]", "expected [1]"});
  CsvSource numbers = source(csv(folder, "numbers.csv", 60));
  numbers.task = CsvSource::Task::kRegression;
  stage.source = numbers;
  expect_refused({"stages[0].pretrain.source", "regression", "class"});
  stage.source = source(folder.path("nothing.csv"));
  expect_refused({"stages[0].pretrain.source", "nothing.csv"});
  stage.source = config.data.source;
  config.data.partition = IidPartition{.clients = 5};
  expect_refused({"stages[0].pretrain.source", "all of which clients hold"});
}

TEST(Pretraining, ComesFirst) {
  RunConfig config;
  config.stages = {WarmupConfig{}, PretrainConfig{}};
  EXPECT_THROW(check_settings(config, "run.yaml"), InputError);
  config.stages = {PretrainConfig{}, WarmupConfig{}};
  EXPECT_NO_THROW(check_settings(config, "run.yaml"));
}

}  // namespace
}  // namespace coppice::test
