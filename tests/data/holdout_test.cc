#include "data/holdout.h"

#include <algorithm>

#include "tests/data/samples.h"

namespace coppice {
namespace {

Partition sizes(const std::vector<std::int64_t>& wanted) {
  std::vector<std::int64_t> offsets{0}, samples;
  for (const std::int64_t size : wanted) offsets.push_back(offsets.back() + size);
  for (std::int64_t i = 0; i < offsets.back(); ++i) samples.push_back(1000 + i);
  return Partition(offsets, samples);
}

TEST(Holdout, CutsTheEndOfEachList) {
  const Partition partition = sizes({10, 3, 1, 20});
  const Holdout cut = hold_out(partition, {.fraction = 0.25});
  const std::size_t expected[] = {2, 0, 0, 5};
  for (std::int64_t c = 0; c < 4; ++c) {
    const auto train = cut.train.samples_of(c), select = cut.select.samples_of(c), all = partition.samples_of(c);
    EXPECT_EQ(select.size(), expected[c]);
    ASSERT_EQ(train.size() + select.size(), all.size());
    EXPECT_TRUE(std::equal(train.begin(), train.end(), all.begin()));
    EXPECT_TRUE(std::equal(select.begin(), select.end(), all.end() - static_cast<std::ptrdiff_t>(select.size())));
  }
  EXPECT_EQ(cut.train.num_samples(), 27);
}

TEST(Holdout, OfACountIsExactAndProportional) {
  const Partition partition = sizes({100, 50, 1, 49, 7});
  for (const std::int64_t count : {1, 5, 20, 100, 202}) {
    const Holdout cut = hold_out(partition, {.count = count});
    EXPECT_EQ(cut.select.num_samples(), count);
    for (std::int64_t c = 0; c < 5; ++c) {
      EXPECT_GE(cut.train.samples_of(c).size(), 1u);
      const double fair = static_cast<double>(count) * static_cast<double>(partition.samples_of(c).size()) / 207.0;
      if (count > 100) continue;  // a list of one gives none, so the others give more
      EXPECT_NEAR(static_cast<double>(cut.select.samples_of(c).size()), fair, 1.0);
    }
  }
}

TEST(Holdout, OfNothingLeavesEverything) {
  const Holdout cut = hold_out(sizes({4, 2}), {.fraction = 0.0});
  EXPECT_EQ(cut.train.num_samples(), 6);
  EXPECT_EQ(cut.select.num_samples(), 0);
  EXPECT_EQ(cut.select.num_clients(), 2);
}

TEST(Holdout, NamesWhatIsWrong) {
  EXPECT_INPUT_ERROR(hold_out(sizes({4, 2}), {.count = 5}), "count: found 5, expected at most 4");
  EXPECT_INPUT_ERROR(hold_out(sizes({4, 2}), {.fraction = 1.0}), "fraction: found 1.0");
}

}  // namespace
}  // namespace coppice
