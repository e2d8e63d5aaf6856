#include "algorithms/exchange/release.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include <gtest/gtest.h>

#include "comm/wire/codec.h"
#include "comm/wire/frame_layout.h"
#include "algorithms/exchange/report.h"
#include "algorithms/exchange/report_blocks.h"
#include "tests/algorithms/training/goldens.h"

namespace coppice::test {
namespace {

struct Difference {
  Subject subject = small_mlp();
  std::shared_ptr<const Mask> mask = std::make_shared<const Mask>(element_mask(*subject.model, 4));
  Arena before = subject.state.base.clone();
  Arena after = subject.state.base.clone();

  Difference() {
    fill_from_hash(after, 6, 0.2);
    mask->apply_to(before);
    mask->apply_to(after);
  }

  RoundPlan plan(const Release& release) const {
    RoundPlan plan;
    plan.values = std::make_shared<const ModelState>(subject.state.clone());
    plan.mask = mask;
    TrainTask task;
    task.release = release;
    plan.tasks = {task};
    return plan;
  }

  // Sums of "train/delta/..." over the given clients.
  std::vector<std::vector<double>> released(const Release& release, std::vector<std::int64_t> clients,
                                            double* factor = nullptr) const {
    RoundPlan asked = plan(release);
    const std::vector<ReportBlock> blocks = report_blocks(asked, *subject.model);
    for (const ReportBlock& block : blocks) asked.exponents[block.name] = 45;
    ExactSums sums(sum_specs(asked, blocks), 4);
    for (const std::int64_t client : clients) {
      Report report(blocks);
      const ReleaseContext context{release, mask.get(), 3, Seed{.run = 5, .round = 2}, client};
      const double f = release_difference(context, "train/delta/", after, before, report);
      if (factor != nullptr) *factor = f;
      EXPECT_EQ(accumulate(report, sums), Decline::kNone);
    }
    std::vector<std::vector<double>> decoded;
    for (int i = 0; i < before.layout().size(); ++i) decoded.push_back(sums.decode(static_cast<std::size_t>(i)));
    return decoded;
  }

  // after - before of one tensor, at the kept positions where `support` is set.
  std::vector<double> expected(int tensor, bool support) const {
    std::vector<double> values;
    for (std::int64_t e = 0; e < before.layout()[tensor].numel; ++e) {
      if (support && !mask->keeps_all(tensor) && !mask->bits(tensor)[e]) continue;
      const auto at = static_cast<std::size_t>(e);
      values.push_back(double{after.floats(tensor)[at]} - before.floats(tensor)[at]);
    }
    return values;
  }
};

TEST(Release, SelectsTheSupportAndWeighs) {
  const Difference d;
  for (const bool support : {false, true}) {
    for (const bool samples : {false, true}) {
      const Release release{.select = support ? Release::Select::kPlanSupport : Release::Select::kDense,
                            .weight = samples ? Release::Weight::kSamples : Release::Weight::kOne};
      const auto found = d.released(release, {1});
      for (int i = 0; i < d.before.layout().size(); ++i) {
        std::vector<double> expected = d.expected(i, support);
        for (double& value : expected) value *= samples ? 3.0 : 1.0;
        expect_near(found[static_cast<std::size_t>(i)], expected, 1e-9, d.before.layout()[i].name);
      }
    }
  }
}

TEST(Release, ClipsTheWholeReport) {
  const Difference d;
  double norm = 0.0;
  for (int i = 0; i < d.before.layout().size(); ++i) {
    for (const double x : d.expected(i, false)) norm += x * x;
  }
  norm = std::sqrt(norm);
  for (const double clip : {0.25 * norm, 3.0 * norm}) {
    double factor = 0.0;
    const auto found = d.released({.select = Release::Select::kPlanSupport, .clip = clip}, {1}, &factor);
    EXPECT_NEAR(factor, std::min(1.0, clip / norm), 1e-12);
    double clipped = 0.0;
    for (const auto& block : found) {
      for (const double x : block) clipped += x * x;
    }
    EXPECT_NEAR(std::sqrt(clipped), 3.0 * std::min(clip, norm), 1e-6);
  }
}

TEST(Release, RoundsToTheWire) {
  const Difference d;
  const auto release = [](Release::Wire wire) {
    return Release{.select = Release::Select::kPlanSupport, .weight = Release::Weight::kOne, .wire = wire};
  };
  const auto bf16 = d.released(release(Release::Wire::kBF16), {1});
  const auto f16 = d.released(release(Release::Wire::kF16), {1});
  const auto i8 = d.released(release(Release::Wire::kI8), {1});
  for (int i = 0; i < d.before.layout().size(); ++i) {
    std::vector<double> exact = d.expected(i, true);
    const auto at = static_cast<std::size_t>(i);
    double largest = 0.0;
    for (double& x : exact) {
      x = static_cast<float>(x);
      largest = std::max(largest, std::abs(x));
    }
    const double grid = largest / 127.0;
    bool rounded = false;
    for (std::size_t e = 0; e < exact.size(); ++e) {
      const at::Tensor x = hash_tensor({1}, 0, 0.0F).fill_(exact[e]);
      EXPECT_EQ(bf16[at][e], x.to(at::kBFloat16).item<double>());
      EXPECT_EQ(f16[at][e], x.to(at::kHalf).item<double>());
      EXPECT_LT(std::abs(i8[at][e] - exact[e]), grid * (1 + 1e-6));
      rounded = rounded || (grid > 0 && std::abs(i8[at][e] - exact[e]) > 0.1 * grid);
    }
    EXPECT_TRUE(rounded || largest == 0.0);
  }
  EXPECT_EQ(d.released(release(Release::Wire::kI8), {1}), i8) << "the same client rounds the same way";
  EXPECT_NE(d.released(release(Release::Wire::kI8), {2}), i8) << "another client does not";
}

TEST(Release, WhatIsNotFiniteIsDeclinedInEveryFormat) {
  for (const Release::Wire wire :
       {Release::Wire::kF32, Release::Wire::kBF16, Release::Wire::kF16, Release::Wire::kI8}) {
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      const Difference d;
      const Release release{.select = Release::Select::kDense, .wire = wire};
      RoundPlan plan = d.plan(release);
      const std::vector<ReportBlock> blocks = report_blocks(plan, *d.subject.model);
      for (const ReportBlock& block : blocks) plan.exponents[block.name] = 30;
      d.after.floats(2)[1] = bad;
      ExactSums sums(sum_specs(plan, blocks), 4);
      Report report(blocks);
      release_difference({release, d.mask.get(), 3, {}, 0}, "train/delta/", d.after, d.before, report);
      EXPECT_EQ(accumulate(report, sums), Decline::kNotFinite);
      ExactSums probe(probe_specs(blocks), 4);
      EXPECT_EQ(accumulate_probe(report, probe), Decline::kNotFinite);
      for (const std::int64_t word : sums.words()) ASSERT_EQ(word, 0);
      for (const std::int64_t word : probe.words()) ASSERT_EQ(word, 0);
    }
  }
}

struct Growth {
  Difference d;
  std::vector<float> gradient;
  std::vector<ReportBlock> blocks;
  static constexpr ParamId kTensor = 2;

  Growth() {
    const ArenaEntry& entry = d.before.layout()[kTensor];
    for (const double x : hash_values(entry.numel, 12)) gradient.push_back(static_cast<float>(std::round(x * 20)));
    blocks = {{"growth/" + entry.name, entry.numel}, {"growth/weight", 1}};
  }

  std::vector<double> released(const Release& release, std::int64_t count, std::int64_t client, bool& travels) const {
    Report report(blocks);
    const ReleaseContext context{release, d.mask.get(), 1, Seed{.run = 5, .round = 2}, client};
    const bool drawn = release.select == Release::Select::kCandidates;
    std::vector<std::uint32_t> positions = drawn ? growth_candidates(*d.mask, kTensor, count, context.seed)
                                                 : largest_dropped(gradient, d.mask->bits(kTensor), count);
    std::vector<float> values;
    for (const std::uint32_t position : positions) values.push_back(gradient[position]);
    release_entries(context, blocks[0].name, kTensor, std::move(positions), std::move(values), report);
    travels = !report.entries()[0].positions.empty();
    ExactSums sums({{blocks[0].name, gradient.size(), Exponent{30}}, {"growth/weight", 1, Exponent{30}}}, 1);
    EXPECT_EQ(accumulate(report, sums), Decline::kNone);
    return sums.decode(0);
  }
};

TEST(Release, PrivateTopKAreTheLargestAmongTheDropped) {
  const Growth g;
  const Bits& kept = g.d.mask->bits(Growth::kTensor);
  std::vector<std::size_t> dropped;
  for (std::size_t i = 0; i < g.gradient.size(); ++i) {
    if (!kept[static_cast<std::int64_t>(i)]) dropped.push_back(i);
  }
  ASSERT_GT(dropped.size(), 20U);
  std::stable_sort(dropped.begin(), dropped.end(),
                   [&](auto a, auto b) { return std::abs(g.gradient[a]) > std::abs(g.gradient[b]); });
  for (const std::int64_t count : {0, 1, 17, 10000}) {
    bool travels = false;
    const auto found = g.released({.select = Release::Select::kPrivateTopK}, count, 1, travels);
    std::vector<double> expected(g.gradient.size());
    for (std::size_t i = 0; i < std::min<std::size_t>(dropped.size(), count); ++i) {
      expected[dropped[i]] = g.gradient[dropped[i]];
    }
    EXPECT_EQ(found, expected) << count;
    EXPECT_EQ(travels, count > 0);
  }
}

TEST(Release, VotesAgainstAreTheSmallestOfTheKeptAndTravelWithoutValues) {
  const Growth g;
  const Bits& kept = g.d.mask->bits(Growth::kTensor);
  std::vector<std::size_t> places;  // in the order of the kept
  std::vector<float> values;
  for (std::size_t i = 0; i < g.gradient.size(); ++i) {
    if (kept[static_cast<std::int64_t>(i)]) values.push_back(std::abs(g.gradient[i]));
  }
  for (std::size_t i = values.size(); i-- > 0;) places.push_back(i);  // of equal ones the higher index goes
  std::stable_sort(places.begin(), places.end(), [&](auto a, auto b) { return values[a] < values[b]; });
  for (const std::int64_t count : {0, 1, 9, 10000}) {
    std::vector<std::uint32_t> expected;
    for (std::size_t i = 0; i < std::min<std::size_t>(places.size(), count); ++i) expected.push_back(static_cast<std::uint32_t>(places[i]));
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(smallest_kept(g.gradient, kept, count), expected) << count;

    const std::vector<ReportBlock> blocks = {{"growth/drop/w", kept.count()}};
    Report report(blocks);
    const Release release{.select = Release::Select::kPrivateTopK};
    release_votes({release, g.d.mask.get(), 7, {}, 1}, "growth/drop/w", expected, report);
    ExactSums sums({{blocks[0].name, values.size(), Exponent{30}}}, 1);
    EXPECT_EQ(accumulate(report, sums), Decline::kNone);
    const std::vector<double> votes = sums.decode(0);
    EXPECT_EQ(std::accumulate(votes.begin(), votes.end(), 0.0), 7.0 * static_cast<double>(expected.size()));
    const std::size_t positions = std::min(4 * expected.size(), (values.size() + 7) / 8);
    EXPECT_EQ(report_bytes(report, blocks), encoded_size(0, std::vector<BlockExtent>{{13, 1, 0, positions}}));
  }
}

TEST(Release, CandidatesAreTheSeedsAndTheSameForAllClients) {
  const Growth g;
  const Seed seed{.run = 5, .round = 2};
  const auto drawn = growth_candidates(*g.d.mask, Growth::kTensor, 17, seed);
  EXPECT_EQ(drawn.size(), 17U);
  EXPECT_TRUE(std::is_sorted(drawn.begin(), drawn.end()));
  EXPECT_EQ(std::set(drawn.begin(), drawn.end()).size(), 17U);
  std::vector<double> expected(g.gradient.size());
  for (const std::uint32_t position : drawn) {
    EXPECT_FALSE(g.d.mask->bits(Growth::kTensor)[position]);
    expected[position] = g.gradient[position];
  }
  EXPECT_NE(growth_candidates(*g.d.mask, Growth::kTensor, 17, seed.with_round(3)), drawn);
  for (const std::int64_t client : {1, 2}) {
    bool travels = true;
    EXPECT_EQ(g.released({.select = Release::Select::kCandidates}, 17, client, travels), expected);
    EXPECT_FALSE(travels) << "the coordinator draws them by itself";
  }
}

}  // namespace
}  // namespace coppice::test
