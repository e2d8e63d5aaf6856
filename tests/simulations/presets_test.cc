// Every preset of configs/ is one that a run or a sweep would accept, data aside.
#include <filesystem>

#include <gtest/gtest.h>

#include "core/config_yaml.h"
#include "simulations/run_config.h"
#include "simulations/sweep/sweep_rows.h"

namespace coppice::test {
namespace {

TEST(Presets, AllAreRead) {
  int count = 0;
  for (const auto& file : std::filesystem::directory_iterator(COPPICE_CONFIGS)) {
    if (file.is_directory()) continue;  // of sweeps
    SCOPED_TRACE(file.path().string());
    const auto config = read_config<RunConfig>(file.path().string(), {});
    EXPECT_NO_THROW(check_settings(config, file.path().string()));
    EXPECT_EQ(config_digest(config).size(), 64U);
    ++count;
  }
  EXPECT_GE(count, 7);
}

TEST(Presets, AllSweepsAreRead) {
  int count = 0;
  for (const auto& file : std::filesystem::directory_iterator(std::string(COPPICE_CONFIGS) + "/sweeps")) {
    SCOPED_TRACE(file.path().string());
    const SweepFile sweep = read_sweep(file.path().string());
    EXPECT_GE(plan_sweep(sweep, {}).rows.size(), 2 * sweep.seeds.size());
    ++count;
  }
  EXPECT_GE(count, 1);
}

}  // namespace
}  // namespace coppice::test
