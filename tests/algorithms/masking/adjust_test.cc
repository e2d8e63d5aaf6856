#include "algorithms/masking/adjust.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "algorithms/masking/bn_candidates.h"
#include "algorithms/masking/make_mask.h"
#include "tests/algorithms/passes.h"

namespace coppice::test {
namespace {

constexpr ParamId kTensor = 2;  // layers.1.weight of the small MLP: 8 x 16

Mask sparse_mask(const Subject& subject, std::uint64_t seed, std::int64_t kept) {
  return make_element_mask(
      *subject.model, {Pattern::Kind::kUnstructured}, true,
      weight_element_scores(RandomConfig{}, *subject.model, subject.state.base, true, {.run = seed}),
      {{0, kept}, {2, kept}, {4, kept}, {6, kept}});
}

ElementScores growth_of(std::uint32_t salt) {
  ElementScores growth;
  for (const double value : hash_values(128, salt))
    growth[kTensor].push_back(static_cast<float>(std::abs(value)) + 0.01F);
  return growth;
}

TEST(Adjustment, CountsFollowTheCosine) {
  for (const auto& pair : goldens()["adjustment"]) {
    EXPECT_EQ(adjustment_count(0.3, pair[0], 100, 12345), static_cast<std::int64_t>(pair[1]));
  }
  EXPECT_EQ(adjustment_count(0.3, 0, 100, 1000), 300);
  EXPECT_EQ(adjustment_count(0.3, 100, 100, 1000), 0);
  EXPECT_EQ(adjustment_count(0.3, 500, 100, 1000), 0);
  EXPECT_EQ(adjustment_count(0.3, 0, 0, 1000), 0);
  for (int t = 1; t < 100; ++t) EXPECT_LE(adjustment_count(0.3, t, 100, 1000), adjustment_count(0.3, t - 1, 100, 1000));
}

TEST(Adjustment, ExchangesTheSmallestForTheMostPromising) {
  const Subject subject = small_mlp();
  for (std::uint32_t salt = 0; salt < 20; ++salt) {
    const Mask mask = sparse_mask(subject, salt + 1, 40);
    const ElementScores growth = growth_of(salt);
    const Mask next = grow_and_prune(mask, subject.model->structure(), subject.state.base, growth, {{kTensor, 9}});
    const Bits& before = mask.bits(kTensor);
    const Bits& after = next.bits(kTensor);
    EXPECT_EQ(after.count(), 40);
    float largest_pruned = 0.0F, smallest_kept = 1e9F, smallest_grown = 1e9F, largest_left = 0.0F;
    int pruned = 0, grown = 0;
    const auto weights = subject.state.base.floats(kTensor);
    for (std::int64_t i = 0; i < 128; ++i) {
      const float w = std::abs(weights[static_cast<std::size_t>(i)]);
      const float g = growth.at(kTensor)[static_cast<std::size_t>(i)];
      if (before[i]) {
        pruned += !after[i];
        after[i] ? smallest_kept = std::min(smallest_kept, w) : largest_pruned = std::max(largest_pruned, w);
      } else {
        grown += after[i];
        after[i] ? smallest_grown = std::min(smallest_grown, g) : largest_left = std::max(largest_left, g);
      }
    }
    EXPECT_EQ(pruned, 9);
    EXPECT_EQ(grown, 9);
    EXPECT_LE(largest_pruned, smallest_kept);
    EXPECT_GE(smallest_grown, largest_left);
    for (const ParamId other : {0, 4, 6}) EXPECT_EQ(next.bits(other), mask.bits(other));
  }
}

TEST(Adjustment, IsCutToWhatCanGrow) {
  const Subject subject = small_mlp();
  const PrunableStructure structure = subject.model->structure();
  const Mask nearly_dense = sparse_mask(subject, 1, 40) & Mask(subject.model->base_layout(), structure);
  ElementScores growth = growth_of(1);
  // All may be asked for: 88 dropped ones, 40 kept ones to give for them.
  Mask next = grow_and_prune(nearly_dense, structure, subject.state.base, growth, {{kTensor, 1000}});
  EXPECT_EQ(next.bits(kTensor).count(), 40);
  EXPECT_EQ((next & nearly_dense).bits(kTensor).count(), 0);
  // Only two dropped weights have a gradient.
  int promising = 0;
  for (std::int64_t i = 0; i < 128; ++i) {
    if (!nearly_dense.bits(kTensor)[i] && ++promising > 2) growth.at(kTensor)[static_cast<std::size_t>(i)] = 0.0F;
  }
  next = grow_and_prune(nearly_dense, structure, subject.state.base, growth, {{kTensor, 9}});
  EXPECT_EQ(next.bits(kTensor).count(), 40);
  EXPECT_EQ((next & nearly_dense).bits(kTensor).count(), 38);
  EXPECT_EQ(grow_and_prune(nearly_dense, structure, subject.state.base, growth, {{kTensor, 0}}), nearly_dense);
  EXPECT_EQ(grow_and_prune(nearly_dense, structure, subject.state.base, growth, {}), nearly_dense);
}

TEST(Adjustment, NothingGrowsInDroppedUnits) {
  const Subject subject = small_mlp();
  const PrunableStructure structure = subject.model->structure();
  std::vector<std::uint8_t> kept(structure.groups.size(), 1);
  kept[16 + 3] = 0;  // neuron 3 of layers.1: row 3 of the tensor
  const Mask units = Mask::of_groups(subject.model->base_layout(), structure, kept);
  const Mask mask = sparse_mask(subject, 1, 40) & units;
  const std::int64_t active = mask.bits(kTensor).count();
  const Mask next = grow_and_prune(mask, structure, subject.state.base, growth_of(1), {{kTensor, 1000}});
  EXPECT_EQ(next.bits(kTensor).count(), active);
  for (std::int64_t i = 3 * 16; i < 4 * 16; ++i) EXPECT_FALSE(next.bits(kTensor)[i]);
  EXPECT_EQ(next.groups(), mask.groups());
}

TEST(Adjustment, MissingScoresAreNamed) {
  const Subject subject = small_mlp();
  const Mask mask = sparse_mask(subject, 1, 40);
  EXPECT_THROW(grow_and_prune(mask, subject.model->structure(), subject.state.base, {}, {{kTensor, 3}}), InputError);
}

TEST(BnCandidates, KeepTheGlobalDensity) {
  for (const Subject& subject : subjects()) {
    const auto masks = bn_candidates(*subject.model, subject.state.base, 0.2, 0.15, 4, {.run = 5});
    ASSERT_EQ(masks.size(), 4U);
    std::int64_t all = 0;
    for (const PatternMatrix& matrix : subject.model->structure().matrices) all += matrix.rows_O * matrix.cols_I;
    for (const Mask& mask : masks) {
      std::int64_t kept = 0;
      for (const PatternMatrix& matrix : subject.model->structure().matrices) {
        const std::int64_t numel = matrix.rows_O * matrix.cols_I;
        const std::int64_t here = mask.keeps_all(matrix.tensor) ? numel : mask.bits(matrix.tensor).count();
        EXPECT_GE(here, 1);
        kept += here;
        if (&mask == &masks[0]) {
          EXPECT_NEAR(static_cast<double>(here), 0.2 * static_cast<double>(numel), 1.0);
        }
      }
      EXPECT_EQ(kept, std::llround(0.2 * static_cast<double>(all)));
    }
    for (std::size_t a = 0; a < masks.size(); ++a) {
      for (std::size_t b = 0; b < a; ++b) EXPECT_NE(masks[a].digest(), masks[b].digest());
    }
    EXPECT_EQ(masks[3], bn_candidates(*subject.model, subject.state.base, 0.2, 0.15, 4, {.run = 5})[3]);
    EXPECT_NE(masks[3], bn_candidates(*subject.model, subject.state.base, 0.2, 0.15, 4, {.run = 6})[3]);
    EXPECT_EQ(masks[0], bn_candidates(*subject.model, subject.state.base, 0.2, 0.0, 3, {.run = 9})[2]);
  }
}

TEST(BnCandidates, KeepTheLargestWeights) {
  const Subject subject = small_mlp();
  const Mask mask = bn_candidates(*subject.model, subject.state.base, 0.3, 0.2, 2, {.run = 5})[1];
  const auto weights = subject.state.base.floats(kTensor);
  float smallest_kept = 1e9F, largest_dropped = 0.0F;
  for (std::int64_t i = 0; i < 128; ++i) {
    const float w = std::abs(weights[static_cast<std::size_t>(i)]);
    mask.bits(kTensor)[i] ? smallest_kept = std::min(smallest_kept, w) : largest_dropped = std::max(largest_dropped, w);
  }
  EXPECT_GE(smallest_kept, largest_dropped);
  EXPECT_THROW(bn_candidates(*subject.model, subject.state.base, 0.0, 0.1, 2, {}), InputError);
  EXPECT_THROW(bn_candidates(*subject.model, subject.state.base, 0.5, 0.1, 0, {}), InputError);
  EXPECT_THROW(bn_candidates(*subject.model, subject.state.base, 0.001, 0.1, 2, {}), InputError);  // less than a weight a layer
}

TEST(BnCandidates, PerturbErkWhereAsked) {
  const Subject subject = small_resnet8();
  const auto masks = bn_candidates(*subject.model, subject.state.base, 0.2, 0.1, 3, {.run = 5}, Allocation::kErk);
  const auto quotas = element_quotas(subject.model->structure(), *subject.model->base_layout(), {Pattern::Kind::kUnstructured}, true,
                                     {.budget = {.density = 0.2}, .floor = 0.0, .allocation = Allocation::kErk}, nullptr);
  const auto kept = [](const Mask& mask, const PatternMatrix& m) {
    return mask.keeps_all(m.tensor) ? m.rows_O * m.cols_I : mask.bits(m.tensor).count();
  };
  std::int64_t sums[3] = {0, 0, 0};
  bool moved = false;
  for (const PatternMatrix& matrix : subject.model->structure().matrices) {
    EXPECT_EQ(kept(masks[0], matrix), quotas.at(matrix.tensor));
    for (int c = 0; c < 3; ++c) sums[c] += kept(masks[static_cast<std::size_t>(c)], matrix);
    moved |= kept(masks[1], matrix) != quotas.at(matrix.tensor);
  }
  EXPECT_EQ(sums[0], sums[1]);
  EXPECT_EQ(sums[0], sums[2]);
  EXPECT_TRUE(moved);
}

}  // namespace
}  // namespace coppice::test
