#include "core/seed.h"

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <numeric>
#include <set>
#include <sstream>

#include <Random123/philox.h>
#include <gtest/gtest.h>

#include "core/draw_block.h"
#include "core/error.h"
#include "core/portable_math.h"
#include "core/secret.h"

namespace coppice {
namespace {

// tests/golden/core/random_goldens.txt: a name and its numbers a line, from the Python script beside it.
const std::map<std::string, std::vector<std::string>>& goldens() {
  static const auto* const loaded = [] {
    auto* out = new std::map<std::string, std::vector<std::string>>;
    std::ifstream file(CORE_GOLDENS);
    for (std::string line; std::getline(file, line);) {
      if (line.empty() || line[0] == '#') continue;
      std::istringstream words(line);
      std::string name, word;
      words >> name;
      while (words >> word) (*out)[name].push_back(word);
    }
    return out;
  }();
  return *loaded;
}

template <class T>
std::vector<T> golden(const std::string& name) {
  std::vector<T> out;
  const auto found = goldens().find(name);
  EXPECT_NE(found, goldens().end()) << name << " is not in " << CORE_GOLDENS;
  if (found == goldens().end()) return out;
  for (const std::string& word : found->second) {
    if constexpr (std::is_floating_point_v<T>) {
      out.push_back(std::strtod(word.c_str(), nullptr));
    } else {
      out.push_back(static_cast<T>(std::strtoull(word.c_str(), nullptr, 10)));
    }
  }
  EXPECT_FALSE(out.empty());
  return out;
}

template <class T, class Draw>
void expect_draws(const std::string& name, Stream stream, const Draw& draw) {
  for (const T& expected : golden<T>(name)) EXPECT_EQ(static_cast<T>(draw(stream)), expected) << name;
}

constexpr std::uint64_t kBig = 0xFEDCBA9876543210;

TEST(Philox, KnownAnswersOfTheRandom123Distribution) {
  using Counter = r123::Philox4x32::ctr_type;
  using Key = r123::Philox4x32::key_type;
  const auto of = [](Counter counter, Key key) { return r123::Philox4x32()(counter, key); };
  EXPECT_EQ(of({{0, 0, 0, 0}}, {{0, 0}}), (Counter{{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}}));
  EXPECT_EQ(of({{~0U, ~0U, ~0U, ~0U}}, {{~0U, ~0U}}), (Counter{{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}}));
  EXPECT_EQ(of({{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, {{0xa4093822, 0x299f31d0}}),
            (Counter{{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}));
}

TEST(Stream, DrawsTheGoldenNumbersToTheLastBit) {
  expect_draws<std::uint32_t>("u32", Stream({1}, Purpose::kInit), [](Stream& s) { return s.next_u32(); });
  expect_draws<std::uint32_t>("u32_all_fields", Stream({kBig, 7, 0xffffffff}, Purpose::kBootstrap, 0xffffff),
                              [](Stream& s) { return s.next_u32(); });
  expect_draws<std::uint64_t>("u64", Stream({kBig, 3, 2}, Purpose::kShuffle, 1),
                              [](Stream& s) { return s.next_u64(); });
  expect_draws<double>("uniform", Stream({2, 1, 0}, Purpose::kAugment), [](Stream& s) { return s.uniform(); });
  expect_draws<std::uint64_t>("below_10", Stream({3, 0, 5}, Purpose::kCohort), [](Stream& s) { return s.below(10); });
  expect_draws<std::uint64_t>("below_huge", Stream({4}, Purpose::kMask),
                              [](Stream& s) { return s.below((std::uint64_t{1} << 63) + 1); });
  expect_draws<double>("normal", Stream({5}, Purpose::kInit, 4), [](Stream& s) { return s.normal(); });
  expect_draws<double>("gamma_0.1", Stream({6, 0, 0}, Purpose::kTest), [](Stream& s) { return s.gamma(0.1); });
  expect_draws<double>("gamma_1", Stream({6, 0, 1}, Purpose::kTest), [](Stream& s) { return s.gamma(1.0); });
  expect_draws<double>("gamma_7.5", Stream({6, 0, 2}, Purpose::kTest), [](Stream& s) { return s.gamma(7.5); });
}

TEST(Stream, DrawsTheGoldenVectorsToTheLastBit) {
  const std::vector<double> half(6, 0.5), tiny(4, 0.0001);
  EXPECT_EQ(Stream({8}, Purpose::kPartition).dirichlet(half), golden<double>("dirichlet_0.5"));
  EXPECT_EQ(Stream({8, 0, 3}, Purpose::kPartition).dirichlet(tiny), golden<double>("dirichlet_0.0001"));
  std::vector<std::int64_t> values(12);
  std::iota(values.begin(), values.end(), 0);
  Stream({9}, Purpose::kShuffle).shuffle(values);
  EXPECT_EQ(values, golden<std::int64_t>("shuffle_12"));
  EXPECT_EQ(Stream({10, 2}, Purpose::kCohort).sample_without_replacement(100, 10),
            golden<std::int64_t>("sample_100_10"));
  EXPECT_EQ(Stream({10, 3}, Purpose::kCohort).sample_without_replacement(8, 8), golden<std::int64_t>("sample_8_8"));
}

TEST(PortableMath, IsGoldenToTheLastBitAndNearTheTruth) {
  const auto all = [](const std::string& name, const std::vector<double>& at, double (*f)(double),
                      double (*truth)(double)) {
    const std::vector<double> expected = golden<double>(name);
    ASSERT_EQ(expected.size(), at.size());
    for (std::size_t i = 0; i < at.size(); ++i) {
      EXPECT_EQ(f(at[i]), expected[i]) << name << "(" << at[i] << ")";
      EXPECT_NEAR(f(at[i]), truth(at[i]), 1e-15 * std::fabs(truth(at[i])) + 2e-16) << name << "(" << at[i] << ")";
    }
  };
  all("log", {1.0, 2.0, 0.1, 1e-300, 5e-324, 0.70710678118654752, 1.7e308}, portable_log,
      [](double x) { return std::log(x); });
  all("exp", {0.0, 1.0, -1.0, 700.5, -708.0, -745.0, 1e-9}, portable_exp, [](double x) { return std::exp(x); });
  all("cos_of_turn", {0.0, 0.125, 0.2, 0.25, 0.4, 0.5, 0.7, 0.75, 0.9, 1.0 - 0x1p-53}, portable_cos_of_turn,
      [](double u) { return std::cos(2.0 * 3.14159265358979324 * u); });
  EXPECT_EQ(portable_exp(-1000.0), 0.0);
  EXPECT_EQ(portable_exp(1000.0), std::numeric_limits<double>::infinity());
}

TEST(Stream, EveryArgumentMakesAnotherStream) {
  std::set<std::uint64_t> firsts;
  int streams = 0;
  const auto add = [&](Seed seed, Purpose purpose, std::uint32_t salt) {
    firsts.insert(Stream(seed, purpose, salt).next_u64());
    ++streams;
  };
  for (const std::uint32_t x : {0U, 1U, 2U, 255U, 65536U, 0x800000U}) {
    add({x}, Purpose::kInit, 0);
    add({std::uint64_t{x} << 32 | 5}, Purpose::kInit, 0);
    if (x == 0) continue;
    add({0, x, 0}, Purpose::kInit, 0);
    add({0, 0, x}, Purpose::kInit, 0);
    add({0, 0, 0}, Purpose::kInit, x);
    add({0, x, x}, Purpose::kMask, x);
  }
  EXPECT_EQ(firsts.size(), static_cast<std::size_t>(streams));
}

TEST(Stream, IsAValue) {
  Stream a(Seed{.run = 3}.with_round(4).with_client(5), Purpose::kTest);
  (void)a.next_u32();
  Stream b = a;
  EXPECT_EQ(a.next_u64(), b.next_u64());
  EXPECT_EQ(Seed{.run = 3}.with_round(4).with_client(5), (Seed{3, 4, 5}));
}

TEST(Stream, MisuseIsADefect) {
  EXPECT_THROW(Stream({1}, Purpose::kTest, 1U << 24), Error);
  Stream stream({1}, Purpose::kTest);
  EXPECT_THROW(stream.below(0), Error);
  EXPECT_THROW(stream.gamma(0.0), Error);
  EXPECT_THROW(stream.gamma(std::nan("")), Error);
  EXPECT_THROW(stream.sample_without_replacement(3, 4), Error);
  EXPECT_THROW(stream.sample_without_replacement(3, -1), Error);
  EXPECT_TRUE(stream.sample_without_replacement(0, 0).empty());
  EXPECT_TRUE(stream.dirichlet({}).empty());
  EXPECT_EQ(stream.below(1), 0U);
}

TEST(Stream, MomentsAndUniformityAreRight) {
  constexpr int kDraws = 200'000;
  Stream stream({42}, Purpose::kTest);
  double sum = 0.0, squares = 0.0;
  for (int i = 0; i < kDraws; ++i) {
    const double x = stream.normal();
    sum += x;
    squares += x * x;
  }
  EXPECT_LT(std::fabs(sum / kDraws), 5.0 / std::sqrt(kDraws));
  EXPECT_LT(std::fabs(squares / kDraws - 1.0), 5.0 * std::sqrt(2.0 / kDraws));
  std::vector<int> counts(7, 0);
  for (int i = 0; i < kDraws; ++i) ++counts[stream.below(7)];
  double chi2 = 0.0;
  for (const int count : counts) chi2 += std::pow(count - kDraws / 7.0, 2) / (kDraws / 7.0);
  EXPECT_LT(chi2, 33.0);  // 6 degrees of freedom, p = 1e-5
}

TEST(Stream, SamplesAreDistinctAndEveryOrderTurnsUp) {
  Stream stream({13}, Purpose::kTest);
  std::map<std::vector<std::int64_t>, int> orders;
  constexpr int kDraws = 24'000;
  for (int i = 0; i < kDraws; ++i) ++orders[stream.sample_without_replacement(4, 3)];
  ASSERT_EQ(orders.size(), 24U);
  double chi2 = 0.0;
  for (const auto& [order, count] : orders) chi2 += std::pow(count - kDraws / 24.0, 2) / (kDraws / 24.0);
  EXPECT_LT(chi2, 60.0);  // 23 degrees of freedom, p = 4e-5
  const std::vector<std::int64_t> few = stream.sample_without_replacement(1'000'000'000'000, 1000);
  EXPECT_EQ(std::set<std::int64_t>(few.begin(), few.end()).size(), 1000U);
}

TEST(Secret, SystemDrawsDifferAndTestDrawsAreGolden) {
  Secret secret;
  EXPECT_TRUE(secret.is_private());
  EXPECT_NE(secret.next_u64(), secret.next_u64());
  TestSecret test_secret({11});
  EXPECT_FALSE(test_secret.is_private());
  for (const std::uint64_t expected : golden<std::uint64_t>("secret_bytes")) {
    std::byte byte{};
    test_secret.fill(std::span(&byte, 1));
    EXPECT_EQ(std::to_integer<std::uint64_t>(byte), expected);
  }
}

// Against the C library's functions; the same words as draw_block.
TEST(Seed, NormalBlocksAreBoxMullerOnPairsOfWords) {
  double sum = 0.0, squares = 0.0, products = 0.0;
  constexpr std::uint32_t kBlocks = 20000;
  for (std::uint32_t block = 0; block < kBlocks; ++block) {
    const auto words = draw_block({5, 2, 1}, Purpose::kNoise, 3, block);
    const auto draws = normal_block({5, 2, 1}, Purpose::kNoise, 3, block);
    for (std::size_t pair = 0; pair < 4; pair += 2) {
      const double radius = std::sqrt(-2.0 * std::log((words[pair] + 1.0) / 4294967296.0));
      const double angle = 2.0 * std::acos(-1.0) * words[pair + 1] / 4294967296.0;
      EXPECT_NEAR(draws[pair], radius * std::cos(angle), 1e-12);
      EXPECT_NEAR(draws[pair + 1], radius * std::sin(angle), 1e-12);
      products += draws[pair] * draws[pair + 1];
    }
    for (const double draw : draws) {
      sum += draw;
      squares += draw * draw;
    }
  }
  EXPECT_NEAR(sum / (4 * kBlocks), 0.0, 0.015);
  EXPECT_NEAR(squares / (4 * kBlocks), 1.0, 0.02);
  EXPECT_NEAR(products / (2 * kBlocks), 0.0, 0.02);
}

}  // namespace
}  // namespace coppice
