#include "data/batches.h"

#include <algorithm>

#include "tests/data/samples.h"

namespace coppice {
namespace {

using Samples = std::vector<std::int64_t>;
using Last = BatchRule::Last;
constexpr Seed kSeed{.run = 1, .round = 2, .client = 3};

Samples numbered(std::int64_t count) {
  Samples samples;
  for (std::int64_t i = 0; i < count; ++i) samples.push_back(100 + i);
  return samples;
}

std::vector<Samples> batches_of(const Samples& samples, std::int64_t size, std::int64_t epochs, Seed seed,
                                BatchRule rule) {
  BatchOrder order(samples, size, epochs, seed, rule);
  std::vector<Samples> batches;
  for (auto batch = order.next(); !batch.empty(); batch = order.next())
    batches.emplace_back(batch.begin(), batch.end());
  EXPECT_EQ(static_cast<std::int64_t>(batches.size()), order.num_batches());
  EXPECT_TRUE(order.next().empty());
  return batches;
}

std::vector<std::size_t> sizes(std::int64_t count, std::int64_t size, BatchRule rule) {
  std::vector<std::size_t> out;
  for (const Samples& batch : batches_of(numbered(count), size, 1, kSeed, rule)) out.push_back(batch.size());
  return out;
}

TEST(Batches, FollowTheRuleForTheLast) {
  using Sizes = std::vector<std::size_t>;
  EXPECT_EQ(sizes(10, 4, {.last = Last::kDropUnlessOnly}), (Sizes{4, 4}));
  EXPECT_EQ(sizes(3, 4, {.last = Last::kDropUnlessOnly}), (Sizes{3}));
  EXPECT_EQ(sizes(10, 4, {.last = Last::kDrop}), (Sizes{4, 4}));
  EXPECT_EQ(sizes(3, 4, {.last = Last::kDrop}), (Sizes{}));
  EXPECT_EQ(sizes(10, 4, {.last = Last::kKeep}), (Sizes{4, 4, 2}));
  EXPECT_EQ(sizes(8, 4, {.last = Last::kKeep}), (Sizes{4, 4}));
  EXPECT_EQ(sizes(0, 4, {.last = Last::kKeep}), (Sizes{}));
}

TEST(Batches, BelowTheLeastSizeAreSkipped) {
  using Sizes = std::vector<std::size_t>;
  EXPECT_EQ(sizes(9, 4, {.last = Last::kKeep, .min_size = 2}), (Sizes{4, 4}));
  EXPECT_EQ(sizes(10, 4, {.last = Last::kKeep, .min_size = 2}), (Sizes{4, 4, 2}));
  EXPECT_EQ(sizes(1, 4, {.last = Last::kDropUnlessOnly, .min_size = 2}), (Sizes{}));
  EXPECT_EQ(sizes(3, 1, {.last = Last::kKeep, .min_size = 2}), (Sizes{}));
}

TEST(Batches, HoldEverySampleOnceAnEpochInANewOrder) {
  const Samples samples = numbered(50);
  const auto batches = batches_of(samples, 8, 3, kSeed, {.last = Last::kKeep});
  ASSERT_EQ(batches.size(), 21u);
  std::vector<Samples> epochs(3);
  for (std::size_t b = 0; b < batches.size(); ++b) {
    epochs[b / 7].insert(epochs[b / 7].end(), batches[b].begin(), batches[b].end());
  }
  EXPECT_NE(epochs[0], epochs[1]);
  EXPECT_NE(epochs[1], epochs[2]);
  for (Samples& epoch : epochs) {
    std::sort(epoch.begin(), epoch.end());
    EXPECT_EQ(epoch, samples);
  }
}

TEST(Batches, DependOnRunRoundAndClientAlone) {
  const Samples samples = numbered(50);
  const auto once = batches_of(samples, 8, 2, kSeed, {});
  EXPECT_EQ(batches_of(samples, 8, 2, kSeed, {}), once);
  EXPECT_NE(batches_of(samples, 8, 2, kSeed.with_round(3), {}), once);
  EXPECT_NE(batches_of(samples, 8, 2, kSeed.with_client(4), {}), once);
  const auto longer = batches_of(samples, 8, 3, kSeed, {});
  EXPECT_TRUE(std::equal(once.begin(), once.end(), longer.begin()));
}

TEST(Batches, WithoutShufflingKeepTheOrder) {
  const auto batches = batches_of(numbered(5), 2, 2, kSeed, {.last = Last::kKeep, .shuffle = false});
  EXPECT_EQ(batches, (std::vector<Samples>{{100, 101}, {102, 103}, {104}, {100, 101}, {102, 103}, {104}}));
}

TEST(Batches, OfNoSizeAreADefect) { EXPECT_THROW(BatchOrder(numbered(3), 0, 1, kSeed), Error); }

}  // namespace
}  // namespace coppice
