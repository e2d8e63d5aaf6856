// A topic model that is pruned while it trains: the same bits over ranks and after a resume, and scores that accumulate over the cuts.
#include <cmath>
#include <set>

#include <gtest/gtest.h>

#include "algorithms/exchange/report_blocks.h"
#include "client/batch_reader.h"
#include "core/error.h"
#include "models/model.h"
#include "simulations/scenario.h"
#include "tests/data/word_bags.h"
#include "tests/simulations/small_federation.h"

namespace coppice::test {
namespace {

constexpr std::int64_t kWords = 12, kClients = 5, kDocuments = 9;  // of a client

std::shared_ptr<const Dataset> documents() {
  Stream stream(Seed{4}, Purpose::kTest);
  std::vector<std::uint64_t> offsets{0};
  std::vector<std::uint32_t> words, counts;
  for (std::int64_t d = 0; d < kClients * kDocuments; ++d) {
    for (int w = 0; w < 6; ++w) {
      words.push_back(static_cast<std::uint32_t>(6 * (d % 2) + static_cast<std::int64_t>(stream.below(6))));
      counts.push_back(1 + static_cast<std::uint32_t>(stream.below(3)));
    }
    offsets.push_back(words.size());
  }
  return word_bags(std::move(offsets), std::move(words), std::move(counts), kWords);
}

std::shared_ptr<const ClientData> clients() {
  std::vector<std::int64_t> offsets, order;
  for (std::int64_t c = 0; c <= kClients; ++c) offsets.push_back(c * kDocuments);
  for (std::int64_t i = 0; i < kClients * kDocuments; ++i) order.push_back(i);
  const Partition dealt(offsets, order);
  auto data = std::make_shared<ClientData>();
  data->train = data->test = documents();
  data->clients = hold_out(dealt, HoldoutConfig{.fraction = 0.0});
  data->test_clients = dealt;
  return data;
}

RunConfig slow(double memory) {
  RunConfig config;
  config.run.seed = 3;
  config.model = ProdLdaConfig{.vocabulary = kWords, .hidden = {16, 10}, .topics = 3};
  config.federation.cohort = 4;
  config.federation.local.batch = 4;
  config.federation.optimizer = AdamConfig{.lr = 0.01};
  WarmupConfig warmup;
  warmup.rounds = 1;
  ScoreConfig score;
  score.fusion.granularity = FixedGranularity{};
  score.batches = 0;
  PruneConfig prune;
  prune.steps = 3;
  prune.rounds = 2;
  prune.memory = memory;
  prune.budget.budget.params = 0.6;
  config.stages = {warmup, score, prune};
  return config;
}

struct Setting {
  explicit Setting(const RunConfig& config)
      : data(clients()), stages(make_stages(config, data->population(), LossKind::kWordCosts)), state(first_state(config, "test")) {}
  void run(int ranks, std::int64_t steps = 1000) { run_stages(stages, state, data, ranks, steps); }

  std::shared_ptr<const ClientData> data;
  std::vector<std::unique_ptr<Method>> stages;
  State state;
};

Digest digest_of(const State& state) { return state.track(kMainTrack).values->digest(); }

TEST(TopicRounds, RanksAndAResumeAtAnyStepGiveTheSameBits) {
  Setting one(slow(1.0));
  one.run(1);
  const auto& pruned = std::get<ProdLdaConfig>(one.state.track(kMainTrack).values->config);
  EXPECT_LT(pruned.hidden[0] + pruned.hidden[1], 26);
  EXPECT_EQ(pruned.topics, 3);
  for (const int ranks : {2, 4}) {
    Setting more(slow(1.0));
    more.run(ranks);
    EXPECT_EQ(digest_of(more.state), digest_of(one.state)) << ranks;
  }
  for (std::int64_t steps = 1; steps < one.state.steps_done; ++steps) {
    Setting part(slow(1.0));
    part.run(1, steps);
    part.state = reloaded(part.state);
    part.run(1);
    EXPECT_EQ(digest_of(part.state), digest_of(one.state)) << steps;
  }
}

// The scores of the last score stage before the next cut.
std::vector<double> own_scores(const State& state, const RunConfig& config) {
  const auto& score = std::get<ScoreConfig>(config.stages[1]);
  const ModelState& values = *state.track(kMainTrack).values;
  const auto model = make_model(values.config);
  const ScoreRequest request = score_request(estimate_task(score, ScoreTarget::kUnits, false));
  return decode_unit_scores(score.importance, *model, values.base, request, score_sums(state, score_blocks(score.importance, *model, request))).fine;
}

TEST(TopicRounds, ScoresAccumulateOverTheCutsAsFarAsTheMemoryGoes) {
  const RunConfig config = slow(0.5);
  Setting setting(config);
  std::vector<double> remembered;
  int cuts = 0;
  while (cuts < 3) {
    while (!setting.state.numbers.contains("score/fine")) setting.run(1, 1);
    const std::vector<double> own = own_scores(setting.state, config);
    const std::shared_ptr<const Mask> cut = setting.state.track(kMainTrack).cut;
    while (setting.state.numbers.contains("score/fine")) setting.run(1, 1);
    const std::vector<double>& now = setting.state.numbers.at("memory/fine");
    ASSERT_EQ(now.size(), 26U);
    std::size_t next = 0;
    for (std::size_t g = 0; g < now.size(); ++g) {
      const bool gone = cut && cut->groups()[g] == 0;
      const double expected = gone ? 0.0 : own[next++] + (cuts > 0 ? 0.5 * remembered[g] : 0.0);
      EXPECT_DOUBLE_EQ(now[g], expected) << cuts << " " << g;
    }
    EXPECT_EQ(next, own.size());
    remembered = now;
    ++cuts;
  }
  EXPECT_LT(setting.state.track(kMainTrack).cut->density(), 1.0);
}

TEST(Noise, BelongsToTheExampleWhateverTheBatch) {
  const auto data = documents();
  const auto noise_of = [&](Seed seed, std::int64_t epoch, std::vector<std::int64_t> indices, std::int64_t latents) {
    Batch batch;
    read_batch(*data, indices, batch);
    add_noise(latents, seed, epoch, indices, batch);
    const at::Tensor& noise_BK = std::get<BagOfWords>(batch.inputs).noise_BK;
    if (!noise_BK.defined()) return std::vector<float>();
    EXPECT_EQ(noise_BK.size(1), latents);
    return std::vector<float>(noise_BK.const_data_ptr<float>(), noise_BK.const_data_ptr<float>() + noise_BK.numel());
  };
  const Seed seed{1, 2, 3};
  EXPECT_TRUE(noise_of(seed, 0, {1, 2}, 0).empty());
  const std::vector<float> both = noise_of(seed, 0, {7, 2}, 6), alone = noise_of(seed, 0, {2}, 6);
  EXPECT_EQ(std::vector<float>(both.begin() + 6, both.end()), alone);
  std::set<std::vector<float>> all{alone};
  for (const Seed other : {Seed{2, 2, 3}, Seed{1, 3, 3}, Seed{1, 2, 4}}) EXPECT_TRUE(all.insert(noise_of(other, 0, {2}, 6)).second);
  EXPECT_TRUE(all.insert(noise_of(seed, 1, {2}, 6)).second);
  EXPECT_TRUE(all.insert(noise_of(seed, 0, {3}, 6)).second);
}

TEST(TopicRounds, DataAndModelOfDifferentKindsAreRefused) {
  ExampleSpec words = documents()->spec(), classes = words;
  classes.target = ExampleSpec::Target::kClass;
  const auto topics = make_model(ProdLdaConfig{.vocabulary = kWords}), mlp = make_model(MlpConfig{.inputs = kWords, .outputs = kWords});
  EXPECT_NO_THROW(check_model_fits(*topics, words, "f"));
  EXPECT_THROW(check_model_fits(*topics, classes, "f"), InputError);
  EXPECT_THROW(check_model_fits(*mlp, words, "f"), InputError);
  words.shape = {5};
  EXPECT_THROW(check_model_fits(*topics, words, "f"), InputError);
}

}  // namespace
}  // namespace coppice::test
