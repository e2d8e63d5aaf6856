// LotteryFL against NumPy and its laws, on real ranks: masks that clients keep to themselves.
#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "algorithms/exchange/submodel.h"
#include "algorithms/methods/lotteryfl.h"
#include "algorithms/training/replica.h"
#include "client/batch_reader.h"
#include "client/client_store.h"
#include "comm/wire/frame_layout.h"
#include "core/error.h"
#include "tests/core/temporary_folder.h"
#include "tests/simulations/part_goldens.h"

namespace coppice::test {
namespace {

constexpr std::int64_t kClients = 4;

struct Tickets : PartSetting {
  explicit Tickets(const nlohmann::json& golden) : PartSetting(golden.at("rounds")) {
    federation.submodels =
        LotteryFlConfig{.start_accuracy = golden.at("start_accuracy"), .rate = golden.at("rate"), .density = golden.at("density")};
  }

  RunLog advance(State& state, const TemporaryFolder& stores, std::int64_t rounds = 1000, int ranks = 1) const {
    return run_stages(stages(), state, data, ranks, rounds, {}, stores.path());
  }

  Mask mask_of(std::int64_t client, const State& state, const TemporaryFolder& stores) const {
    const ClientStore store(stores.path());
    return Mask::from_blocks(model->base_layout(), model->structure(), store.read(client, state.store_versions.at(client)));
  }

  std::string masks(const State& state, const TemporaryFolder& stores) const {
    std::string text;
    for (std::int64_t client = 0; client < kClients; ++client) text += mask_of(client, state, stores).digest().hex();
    return text;
  }
};

const nlohmann::json& golden(std::size_t i) { return part_goldens().at("lotteryfl")[i]; }

std::string text_of(const Mask& mask, const Model& model) {
  std::string text;
  for (const PatternMatrix& matrix : model.structure().matrices) {
    for (std::int64_t i = 0; i < matrix.rows_O * matrix.cols_I; ++i) {
      text += mask.keeps_all(matrix.tensor) || mask.bits(matrix.tensor)[i] ? '1' : '0';
    }
  }
  return text;
}

TEST(LotteryFl, FollowsNumPyRoundByRound) {
  for (const auto& one : part_goldens().at("lotteryfl")) {
    SCOPED_TRACE(one.at("rate").dump());
    const Tickets setting(one);
    const TemporaryFolder stores;
    State state = setting.start;
    for (std::size_t r = 0; r < one.at("masks").size(); ++r) {
      setting.advance(state, stores, 1);
      for (std::int64_t client = 0; client < kClients; ++client) {
        EXPECT_EQ(text_of(setting.mask_of(client, state, stores), *setting.model), one.at("masks")[r][static_cast<std::size_t>(client)])
            << "round " << r << ", client " << client;
      }
    }
    expect_near(values_of(state.track(kMainTrack).values->base), one.at("weights").get<std::vector<double>>(), 2e-5, "weights");
  }
}

TEST(LotteryFl, TheBitsDoNotDependOnRanksOrInterruptions) {
  for (const auto& one : part_goldens().at("lotteryfl")) {
    const Tickets setting(one);
    const TemporaryFolder alone, together, resumed;
    State whole = setting.start, two = setting.start, state = setting.start;
    setting.advance(whole, alone);
    setting.advance(two, together, 1000, 2);
    for (std::int64_t r = 0; r <= setting.stage.rounds; ++r) {
      state = reloaded(state);
      setting.advance(state, resumed, 1, 1 + static_cast<int>(r % 2));
    }
    EXPECT_EQ(digest_of_result(two), digest_of_result(whole));
    EXPECT_EQ(digest_of_result(state), digest_of_result(whole));
    EXPECT_EQ(setting.masks(two, together), setting.masks(whole, alone));
    EXPECT_EQ(setting.masks(state, resumed), setting.masks(whole, alone));
  }
}

TEST(LotteryFl, WhereNobodyPrunesItIsFedAvg) {
  Tickets setting(golden(0));
  setting.federation.submodels = LotteryFlConfig{.start_accuracy = 1.0};
  const TemporaryFolder stores;
  State state = setting.start;
  setting.advance(state, stores);
  setting.federation.submodels = WholeModels{};
  EXPECT_EQ(digest_of_result(state), digest_of_result(setting.result()));
}

TEST(LotteryFl, TheTargetIsMetAndNotPassed) {
  const Tickets setting(golden(0));
  const TemporaryFolder stores;
  State state = setting.start;
  setting.advance(state, stores);
  const double density = golden(0).at("density");
  for (std::int64_t client = 0; client < kClients; ++client) {
    const Mask mask = setting.mask_of(client, state, stores);
    for (const PatternMatrix& matrix : setting.model->structure().matrices) {
      const auto size = static_cast<double>(matrix.rows_O * matrix.cols_I);
      EXPECT_EQ(mask.bits(matrix.tensor).count(), std::llround(density * size));
    }
  }
}

TEST(LotteryFl, WhatNobodyHoldsStaysAndWhatOneHoldsIsThatClients) {
  const Tickets setting(golden(0));
  const TemporaryFolder stores;
  State state = setting.start;
  setting.advance(state, stores, setting.stage.rounds - 1);
  const Arena before = state.track(kMainTrack).values->base.clone();
  setting.advance(state, stores, 1);
  const Arena& after = state.track(kMainTrack).values->base;
  std::int64_t unheld = 0, moved = 0;
  for (const PatternMatrix& matrix : setting.model->structure().matrices) {
    for (std::int64_t i = 0; i < matrix.rows_O * matrix.cols_I; ++i) {
      std::int64_t holders = 0;
      for (std::int64_t client = 0; client < kClients; ++client) holders += setting.mask_of(client, state, stores).bits(matrix.tensor)[i] ? 1 : 0;
      const bool same = before.floats(matrix.tensor)[static_cast<std::size_t>(i)] == after.floats(matrix.tensor)[static_cast<std::size_t>(i)];
      if (holders == 0) {
        EXPECT_TRUE(same);
      }
      unheld += holders == 0 ? 1 : 0;
      moved += holders > 0 && !same ? 1 : 0;
    }
  }
  EXPECT_GT(unheld, 0);
  EXPECT_GT(moved, 50);
}

TEST(LotteryFl, KeptValuesAloneTravelAndAMaskOnce) {
  Tickets setting(golden(0));
  const TemporaryFolder stores, whole;
  State state = setting.start, dense = setting.start;
  const RunLog log = setting.advance(state, stores);
  setting.federation.submodels = LotteryFlConfig{.start_accuracy = 1.0};
  const RunLog full = setting.advance(dense, whole);
  const auto last = static_cast<std::size_t>(setting.stage.rounds - 1);
  double dropped = 0.0;
  for (std::int64_t client = 0; client < kClients; ++client) {
    const Mask mask = setting.mask_of(client, state, stores);
    dropped += static_cast<double>(mask.total() - mask.kept()) / kClients;
  }
  constexpr double kText = 32.0;  // of exponents and versions, in decimal
  EXPECT_NEAR(full.costs[last].bytes_down - log.costs[last].bytes_down, 4.0 * dropped, kText);
  EXPECT_NEAR(full.costs[last].bytes_up - log.costs[last].bytes_up, 4.0 * dropped, kText);
  EXPECT_LT(log.costs[last].flops, 0.6 * full.costs[1].flops);
  // In round 1 three clients make masks, from all that everybody received, and send their bits.
  std::vector<BlockExtent> bitmaps;
  for (const PatternMatrix& matrix : setting.model->structure().matrices) {
    const ArenaEntry& entry = (*setting.model->base_layout())[matrix.tensor];
    bitmaps.push_back({held_block(entry).size(), 1, 0, static_cast<std::size_t>(entry.numel + 7) / 8});
  }
  const auto mask_bytes = static_cast<double>(encoded_size(0, bitmaps) - encoded_size(0, std::vector<BlockExtent>{}));
  double fewer = 0.0;
  for (const std::string text : golden(0).at("masks")[1]) {
    const auto gone = static_cast<double>(std::count(text.begin(), text.end(), '0'));
    if (gone > 0.0) fewer += (4.0 * gone - mask_bytes) / kClients;
  }
  EXPECT_NEAR(full.costs[1].bytes_down, log.costs[1].bytes_down, kText);
  EXPECT_NEAR(full.costs[1].bytes_up - log.costs[1].bytes_up, fewer, kText);
}

TEST(LotteryFl, OwnModelsAreMeasuredUnderOwnMasks) {
  Tickets setting(golden(0));
  auto held = std::make_shared<ClientData>(*setting.data);
  held->clients.select = held->clients.train;
  setting.data = held;
  const TemporaryFolder stores;
  State state = setting.start;
  const RunLog log = setting.advance(state, stores);
  const auto& numbers = log.records.back().numbers;
  Replica replica(setting.model);
  double loss = 0.0, density = 0.0;
  std::int64_t count = 0;
  for (std::int64_t client = 0; client < kClients; ++client) {
    const Mask mask = setting.mask_of(client, state, stores);
    ModelState own = state.track(kMainTrack).values->clone();
    mask.apply_to(own.base);
    replica.load(std::make_shared<const ModelState>(std::move(own)), Precision::kF32);
    Batch batch;
    read_batch(*held->train, held->samples(Split::kSelect, client), batch);
    Tap tap;
    loss += loss_sum(LossKind::kCrossEntropy, replica.logits(batch, tap, Mode::kEval), batch.targets).item<double>();
    count += batch.size();
    density += 1.0 - static_cast<double>(mask.total() - mask.kept()) / 224.0;
  }
  EXPECT_NEAR(numbers.at("eval/personal_loss"), loss / static_cast<double>(count), 1e-5);
  EXPECT_NEAR(numbers.at("eval/personal_density"), density / kClients, 1e-12);
  EXPECT_NE(numbers.at("eval/personal_loss"), numbers.at("eval/loss"));  // of the whole model on the same samples
  EXPECT_EQ(state.numbers.at(kPersonal).at(3), 4.0);
  EXPECT_EQ(log.costs.back().bytes_down, 0.0);
}

TEST(LotteryFl, AMaskThatWasTamperedWithIsRefused) {
  const Tickets setting(golden(0));
  const TemporaryFolder stores;
  State state = setting.start;
  setting.advance(state, stores, 2);
  const ClientStore store(stores.path());
  std::vector<Block> blocks = store.read(2, state.store_versions.at(2));
  blocks.pop_back();
  blocks.push_back(Block{.name = "mask.bits.none", .dtype = DType::kU8, .shape = {1}, .values = {std::byte{1}}});
  store.write(2, state.store_versions.at(2), 0, blocks);
  try {
    setting.advance(state, stores, 1);
    FAIL() << "expected an InputError";
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("mask of client 2"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace coppice::test
