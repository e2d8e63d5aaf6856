#include "algorithms/aggregation/krum.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/algorithms/training/goldens.h"

namespace coppice::test {
namespace {

TEST(Krum, ChoosesWhatTheDefinitionChooses) {
  for (const auto& golden : training_goldens().at("krum")) {
    EXPECT_EQ(krum_select(golden.at("reports"), golden.at("byzantine"), golden.at("select")),
              golden.at("chosen").get<std::vector<std::size_t>>());
  }
}

TEST(Krum, TiesGoToTheLowerIndex) {
  const std::vector<std::vector<double>> same(5, std::vector<double>(3, 1.0));
  EXPECT_EQ(krum_select(same, 1, 2), (std::vector<std::size_t>{0, 1}));
}

TEST(Krum, RefusesWhatTheTheoremDoesNotCover) {
  const std::vector<std::vector<double>> reports(5, std::vector<double>(2, 0.0));
  EXPECT_THROW(krum_select(reports, 2, 1), InputError);
  EXPECT_THROW(krum_select(reports, -1, 1), InputError);
  EXPECT_THROW(krum_select(reports, 1, 5), InputError);
  EXPECT_THROW(krum_select(reports, 1, 0), InputError);
  EXPECT_THROW(krum_select({}, 0, 1), InputError);
}

}  // namespace
}  // namespace coppice::test
