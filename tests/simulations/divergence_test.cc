// When a round is rolled back.
#include "algorithms/methods/divergence.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace coppice::test {
namespace {

TEST(Divergence, IsAMultipleOfWhatWasReached) {
  std::vector<double> memory;
  EXPECT_FALSE(diverged(2.0, 4.0, memory));
  EXPECT_TRUE(diverged(8.1, 4.0, memory));
  EXPECT_FALSE(diverged(7.9, 4.0, memory));
  EXPECT_FALSE(diverged(8.0, 4.0, memory));  // what was reached stays reached
  EXPECT_TRUE(diverged(8.1, 4.0, memory));
}

TEST(Divergence, OneLuckyCohortIsNotReached) {
  // The losses of a sound run; its next rounds were 0.135 and 0.136.
  std::vector<double> memory;
  for (const double loss : {0.11, 0.149, 0.087, 0.1, 0.123, 0.116, 0.032, 0.135, 0.136}) EXPECT_FALSE(diverged(loss, 4.0, memory)) << loss;
  EXPECT_TRUE(diverged(0.5, 4.0, memory));
}

TEST(Divergence, ASlowOneIsNoticedToo) {
  std::vector<double> memory;
  double loss = 0.1;
  int rounds = 0;
  for (; rounds < 100 && !diverged(loss, 4.0, memory); ++rounds) loss *= 1.1;
  EXPECT_LT(rounds, 20);
}

TEST(Divergence, WhatIsNotFiniteIsNeverRemembered) {
  std::vector<double> memory;
  EXPECT_TRUE(diverged(std::numeric_limits<double>::quiet_NaN(), 0.0, memory));
  EXPECT_TRUE(memory.empty());
  EXPECT_FALSE(diverged(1.0, 0.0, memory));
  EXPECT_FALSE(diverged(1e6, 0.0, memory));
  EXPECT_TRUE(diverged(std::numeric_limits<double>::infinity(), 0.0, memory));
}

}  // namespace
}  // namespace coppice::test
